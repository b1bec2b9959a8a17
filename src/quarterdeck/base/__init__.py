"""The words of the house: tables, steps, findings, errors, configuration, time, money, draws and the solver."""
