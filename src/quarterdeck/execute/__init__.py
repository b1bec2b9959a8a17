"""Executing the plan: who looks after whom, who carries which part of the target, what it pays."""
