"""What a rule keeps between steps: which variable is what, and where it lives"""
