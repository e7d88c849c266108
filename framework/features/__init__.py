"""The freeze line: what lies below it is computed once and stored."""
