"""The web room: Label Studio's protocol, and the pages and numbers for people. No work is done in a request."""
