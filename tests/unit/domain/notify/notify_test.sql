-- name: notices_of
SELECT args, max_attempts FROM jobs WHERE queue = 'notifications' ORDER BY id;
