"""The ways in for people: command line and report. They call the workspace and hold no rules of their own."""
