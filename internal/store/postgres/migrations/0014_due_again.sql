-- Of a job that had ended no step was told, though the pull request that the server opens for it was not opened, or lacked labels. Such jobs are looked at once.
UPDATE jobs SET due_at = 1 WHERE known AND due_at = 0 AND reason IN ('pr_open', 'merge_blocked', 'pr_forbidden') AND facts LIKE '%"pr_forbidden"%';
