"""Label Studio: label configs, webhook bodies, texts and labels of tasks, and the client."""
