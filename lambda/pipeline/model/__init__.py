"""Is the trained model good enough, and where is it registered?"""
