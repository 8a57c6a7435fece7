"""Routes of a project that pages and programs call: settings, jobs, and what people change."""
