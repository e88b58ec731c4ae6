"""The handlers, one for each state of the state machine that is a Lambda function."""
