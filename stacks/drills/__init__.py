"""Exercises that prove what is otherwise only hoped for, beside what runs and without touching it."""
