-- The temporary of a try under way is known by the row of its transfer, which has its name from before it is made. Debris
-- is what nobody owns any more: the move that ends a try writes it down.
DELETE FROM debris WHERE EXISTS (
    SELECT 1 FROM transfer
    WHERE transfer.id = debris.transfer AND tries = try AND state IN ('copying', 'publishing')
);
