-- name: notices_of
SELECT args, max_attempts, scheduled_at FROM jobs WHERE queue = 'notifications' ORDER BY id;
