"""Building the artifact and proving a deployment without an AWS account. Nothing here runs in Lambda."""
