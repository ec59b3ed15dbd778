/* Connections beside the engine's. */
#include "engine/duckdb_core.h"

static silt_status set_session(silt_duck_engine *session, silt_error *err)
{
    SILT_TRY(silt_duck_run(session, "SET TimeZone = 'UTC'", NULL, err));
    return silt_duck_follow_progress(session, err);
}

static void enter(silt_duck_engine *session)
{
    silt_duck_engine *db = session->parent;
    pthread_mutex_lock(&db->lock);
    session->next_session = db->sessions;
    db->sessions = session;
    pthread_mutex_unlock(&db->lock);
}

static void leave(silt_duck_engine *session)
{
    silt_duck_engine *db = session->parent;
    pthread_mutex_lock(&db->lock);
    for (silt_duck_engine **at = &db->sessions; *at; at = &(*at)->next_session) {
        if (*at != session) continue;
        *at = session->next_session;
        break;
    }
    pthread_mutex_unlock(&db->lock);
}

silt_status silt_duck_session_open(silt_duck_engine *db, silt_duck_engine **out, silt_error *err)
{
    silt_duck_engine *session = calloc(1, sizeof *session);
    if (session) session->timezone = strdup("UTC");
    if (!session || !session->timezone) {
        free(session);
        return silt_fail_nomem(err);
    }
    session->base.ops = db->base.ops;
    session->parent = db;
    silt_status st = SILT_OK;
    if (silt_duck.connect(db->database, &session->connection) != DuckDBSuccess)
        st = silt_fail(err, SILT_FAILED, "the engine gives no further connection");
    if (st == SILT_OK) {
        enter(session);
        st = set_session(session, err);
    }
    if (st == SILT_OK)
        *out = session;
    else
        silt_duck_session_close(session);
    return st;
}

void silt_duck_session_close(silt_duck_engine *session)
{
    if (!session) return;
    leave(session);
    if (session->connection) silt_duck.disconnect(&session->connection);
    silt_buf_release(&session->error_text);
    free(session->timezone);
    free(session);
}
