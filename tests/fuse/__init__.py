"""File systems for tests: one that can be made sick on command, and rclone as people mount it."""
