-- An index by state was written anew at every move. What is under way has a temporary, from its claim until it is renamed
-- or given up; what is not live any more is found by its state; what is queued has indexes of its own.
DROP INDEX transfer_state;
DROP INDEX transfer_ended;
CREATE INDEX transfer_under_way ON transfer (id) WHERE temporary IS NOT NULL;
CREATE INDEX transfer_not_live ON transfer (state, id, updated) WHERE NOT live;
