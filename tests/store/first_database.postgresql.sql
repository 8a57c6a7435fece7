-- What version 0.1.0 wrote, whose databases carry no schema version (pg_dump --inserts).
CREATE TABLE public.annotations (
    project_id bigint NOT NULL,
    annotation_id bigint NOT NULL,
    task_id bigint NOT NULL,
    annotator bigint,
    cancelled boolean NOT NULL,
    result text NOT NULL,
    updated_at character varying(40) NOT NULL
);
CREATE TABLE public.batches (
    project_id bigint NOT NULL,
    number integer NOT NULL,
    version character varying(100) NOT NULL,
    method character varying(60) NOT NULL,
    why text NOT NULL,
    head_version character varying(100),
    task_ids text NOT NULL,
    size integer NOT NULL,
    state character varying(20) NOT NULL,
    created_at double precision NOT NULL,
    published_at double precision
);
CREATE TABLE public.embeddings (
    model character varying(300) NOT NULL,
    text_hash character varying(32) NOT NULL,
    vector bytea NOT NULL
);
CREATE TABLE public.events (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    action character varying(60) NOT NULL,
    body text NOT NULL,
    received_at double precision NOT NULL
);
CREATE SEQUENCE public.events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_id_seq OWNED BY public.events.id;
CREATE TABLE public.heads (
    project_id bigint NOT NULL,
    version character varying(100) NOT NULL,
    classes text NOT NULL,
    multi_label boolean NOT NULL,
    embedding_model character varying(300) NOT NULL,
    n_labels integer NOT NULL,
    blob bytea NOT NULL,
    metrics text NOT NULL,
    created_at double precision NOT NULL
);
CREATE TABLE public.label_snapshots (
    project_id bigint NOT NULL,
    body text NOT NULL
);
CREATE TABLE public.leases (
    project_id bigint NOT NULL,
    owner character varying(200) NOT NULL,
    until double precision NOT NULL
);
CREATE TABLE public.projects (
    id bigint NOT NULL,
    title text NOT NULL,
    label_config text NOT NULL,
    settings text NOT NULL,
    extra_params text,
    backend_url text,
    state character varying(20) NOT NULL,
    phase text NOT NULL,
    error text,
    watermark character varying(40),
    fingerprint character varying(64),
    cycle integer NOT NULL,
    meta text NOT NULL
);
CREATE TABLE public.revisions (
    project_id bigint NOT NULL,
    revision bigint NOT NULL
);
CREATE TABLE public.run_requests (
    project_id bigint NOT NULL,
    reason character varying(60) NOT NULL
);
CREATE TABLE public.runs (
    id bigint NOT NULL,
    project_id bigint NOT NULL,
    body text NOT NULL
);
CREATE SEQUENCE public.runs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.runs_id_seq OWNED BY public.runs.id;
CREATE TABLE public.secrets (
    name character varying(60) NOT NULL,
    value text NOT NULL
);
CREATE TABLE public.task_changes (
    project_id bigint NOT NULL,
    revision bigint NOT NULL,
    task_id bigint NOT NULL
);
CREATE TABLE public.tasks (
    project_id bigint NOT NULL,
    task_id bigint NOT NULL,
    text_hash character varying(32),
    problem text,
    updated_at character varying(40)
);
CREATE TABLE public.texts (
    text_hash character varying(32) NOT NULL,
    text text NOT NULL
);
ALTER TABLE ONLY public.events ALTER COLUMN id SET DEFAULT nextval('public.events_id_seq'::regclass);
ALTER TABLE ONLY public.runs ALTER COLUMN id SET DEFAULT nextval('public.runs_id_seq'::regclass);
INSERT INTO public.annotations VALUES (2, 101, 11, 7, false, '[{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["bill"]}}]', '2026-01-02T03:04:05.678901Z');
INSERT INTO public.annotations VALUES (2, 102, 11, 8, false, '[{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["bill"]}}]', '2026-01-02T03:04:05.678901Z');
INSERT INTO public.annotations VALUES (2, 103, 12, 7, false, '[{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["caf\u00e9"]}}]', '2026-01-02T03:04:05.678901Z');
INSERT INTO public.annotations VALUES (2, 104, 13, 7, true, '[]', '2026-01-02T03:04:05.678901Z');
INSERT INTO public.annotations VALUES (2, 105, 14, NULL, false, '[{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["bill"]}}]', '2026-01-02T03:04:05.678901Z');
INSERT INTO public.batches VALUES (2, 1, 'batch 1 random 00000001', 'random', 'why 1', NULL, '[15, 13, 12]', 2, 'removed', 1760000004, 1760000005);
INSERT INTO public.batches VALUES (2, 2, 'batch 2 badge 00000002', 'badge', 'why 2', 'head 1', '[14, 13, 12]', 2, 'superseded', 1760000006, 1760000007);
INSERT INTO public.batches VALUES (2, 3, 'batch 3 badge 00000003', 'badge', 'why 3', 'head 1', '[15, 13, 12]', 2, 'published', 1760000008, 1760000010);
INSERT INTO public.batches VALUES (2, 4, 'batch 4 badge 00000004', 'badge', 'why 4', 'head 1', '[14, 13, 12]', 2, 'planned', 1760000011, NULL);
INSERT INTO public.embeddings VALUES ('minilm', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '\xcdcccc3d000020c08f284e310000803f');
INSERT INTO public.embeddings VALUES ('minilm', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', '\x0000803f000000400000404000008040');
INSERT INTO public.embeddings VALUES ('minilm', 'cccccccccccccccccccccccccccccccc', '\x000000800000803e0000e040ec78ad60');
INSERT INTO public.embeddings VALUES ('hub/other-model', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', '\xcdcc4c3e0000a0c08f28ce3100000040');
INSERT INTO public.events VALUES (1, 5, 'TASKS_CREATED', '{"tasks": [{"id": 1, "data": {"text": "nul \u0000 and \ud83d\ude00"}}]}', 1760000014);
INSERT INTO public.events VALUES (2, 2, 'ANNOTATION_CREATED', '{"annotation": {"id": 106}, "task": {"id": 15}}', 1760000015);
INSERT INTO public.events VALUES (3, 8, 'PROJECT_UPDATED', '{}', 1760000015);
INSERT INTO public.heads VALUES (2, 'head 1', '["bill", "caf\u00e9"]', false, 'minilm', 3, '\x00112233445566778899aabbccddeeff275c', '{"right": 3, "asked": 4, "random_right": 1, "random_asked": 2}', 1760000001);
INSERT INTO public.heads VALUES (2, 'head 2', '["bill", "caf\u00e9"]', false, 'minilm', 4, '\x00112233445566778899aabbccddeeff275c', '{"right": 3, "asked": 4, "random_right": 1, "random_asked": 2}', 1760000002);
INSERT INTO public.heads VALUES (4, 'many', '["x"]', true, 'hub/other-model', 9, '\x00', '{}', 1760000003);
INSERT INTO public.label_snapshots VALUES (2, '{"11": ["bill"], "12": ["caf\u00e9"]}');
INSERT INTO public.leases VALUES (2, 'host:4242:abcdef12:140000000000000', 1760000046);
INSERT INTO public.projects VALUES (1, 'Mail 1', '', '{}', NULL, NULL, 'new', 'waiting', NULL, NULL, NULL, 0, '{}');
INSERT INTO public.projects VALUES (4, 'Mail 4', '<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single"><Choice value="bill"/><Choice value="café"/></Choices></View>', '{}', NULL, NULL, 'failed', 'waiting', 'failed: see the log', NULL, NULL, 0, '{}');
INSERT INTO public.projects VALUES (5, 'Mail 5', '<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single"><Choice value="bill"/><Choice value="café"/></Choices></View>', '{}', NULL, NULL, 'unsupported', 'waiting', 'unsupported: see the log', NULL, NULL, 0, '{}');
INSERT INTO public.projects VALUES (6, 'Mail 6', '<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single"><Choice value="bill"/><Choice value="café"/></Choices></View>', '{}', NULL, NULL, 'missing', 'waiting', 'missing: see the log', NULL, NULL, 0, '{}');
INSERT INTO public.projects VALUES (2, 'Mail 2', '<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single"><Choice value="bill"/><Choice value="café"/></Choices></View>', '{"strategy": "badge", "batch_size": 3, "random_share": 0.5}', '{"strategy": "badge"}', 'http://backend:9090', 'ready', 'up to date', NULL, '2026-01-02T03:04:05.678901Z', 'ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff', 2, '{"labels": {"bill": 2, "caf\u00e9": 1}, "labeled": 3, "skipped": 1, "ties": 0, "without_answer": 0, "unknown_choices": {"old name": 1}, "duplicates": 1, "open": 2, "tasks": 6, "embedded": 4, "to_embed": 1, "queue_remaining": 2, "annotators": 2, "why": "3 new labels; most uncertain first", "next_page": 1, "first_newest": "2026-01-02T03:04:05.678901Z", "text_source": "Text:text", "attached": true, "address": "http://backend:9090", "extra_params_seen": ["{\"strategy\": \"badge\"}"], "seen_by": "3 of organization 1", "unmatched": [[4, 1, 5, 1], 1], "settings_used": {"strategy": "badge", "batch_size": 3}, "newest_task": 16, "random_tasks": [[11], [14, 15]]}');
INSERT INTO public.projects VALUES (3, 'Mail 3', '<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single"><Choice value="bill"/><Choice value="café"/></Choices></View>', '{}', NULL, NULL, 'waiting', 'waiting', 'waiting: see the log', NULL, NULL, 0, '{"next_page": 4, "first_newest": "2026-01-02T00:00:00Z", "text_source": "Text:text", "attached": true}');
INSERT INTO public.projects VALUES (7, 'Mail 7', '<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single"><Choice value="bill"/><Choice value="café"/></Choices></View>', '{}', NULL, NULL, 'disconnected', 'waiting', 'disconnected: see the log', NULL, NULL, 0, '{"attached": false, "extra_params_seen": []}');
INSERT INTO public.projects VALUES (8, '', '', '{}', NULL, NULL, 'new', '', NULL, NULL, NULL, 0, '{}');
INSERT INTO public.revisions VALUES (3, 1);
INSERT INTO public.revisions VALUES (2, 3);
INSERT INTO public.revisions VALUES (9, 2);
INSERT INTO public.run_requests VALUES (2, 'labels');
INSERT INTO public.run_requests VALUES (8, 'settings');
INSERT INTO public.run_requests VALUES (2, 'setup');
INSERT INTO public.runs VALUES (1, 2, '{"at": 1760000012.0, "batch": 1, "version": "batch 1 badge 00000001", "method": "badge", "why": "why 1", "labels": 3, "reasons": ["labels", "every minute"], "seconds": {"wait": 0.1, "sync": 0.2, "fit": 0.012, "query": 0.034}, "label_studio": {"requests": 9, "seconds": 0.5}, "right": 3, "of": 4, "kappa": null}');
INSERT INTO public.runs VALUES (2, 2, '{"at": 1760000013.0, "batch": 2, "version": "batch 2 badge 00000002", "method": "badge", "why": "why 2", "labels": 4, "reasons": ["labels", "every minute"], "seconds": {"wait": 0.1, "sync": 0.2, "fit": 0.012, "query": 0.034}, "label_studio": {"requests": 9, "seconds": 0.5}, "right": 3, "of": 4, "kappa": 0.91}');
INSERT INTO public.secrets VALUES ('webhook', 'the-secret-that-webhooks-carry');
INSERT INTO public.task_changes VALUES (2, 1, 11);
INSERT INTO public.task_changes VALUES (2, 1, 12);
INSERT INTO public.task_changes VALUES (2, 1, 13);
INSERT INTO public.task_changes VALUES (2, 1, 14);
INSERT INTO public.task_changes VALUES (2, 1, 15);
INSERT INTO public.task_changes VALUES (2, 1, 16);
INSERT INTO public.task_changes VALUES (3, 1, 31);
INSERT INTO public.task_changes VALUES (2, 2, 11);
INSERT INTO public.task_changes VALUES (2, 2, 12);
INSERT INTO public.task_changes VALUES (2, 2, 13);
INSERT INTO public.task_changes VALUES (2, 3, 14);
INSERT INTO public.tasks VALUES (2, 11, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', NULL, '2026-01-02T00:00:00Z');
INSERT INTO public.tasks VALUES (2, 12, 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', NULL, '2026-01-02T00:00:00Z');
INSERT INTO public.tasks VALUES (2, 13, 'cccccccccccccccccccccccccccccccc', NULL, '2026-01-02T00:00:00Z');
INSERT INTO public.tasks VALUES (2, 14, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', NULL, '2026-01-02T00:00:00Z');
INSERT INTO public.tasks VALUES (2, 15, 'dddddddddddddddddddddddddddddddd', NULL, '2026-01-02T00:00:00Z');
INSERT INTO public.tasks VALUES (2, 16, NULL, 'the field ''text'' is missing', NULL);
INSERT INTO public.tasks VALUES (3, 31, 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', NULL, NULL);
INSERT INTO public.texts VALUES ('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'The bill is wrong');
INSERT INTO public.texts VALUES ('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'Un café, s''il vous plaît ☕');
INSERT INTO public.texts VALUES ('cccccccccccccccccccccccccccccccc', 'line one
line two; ''quoted''');
INSERT INTO public.texts VALUES ('dddddddddddddddddddddddddddddddd', 'no vector yet');
SELECT pg_catalog.setval('public.events_id_seq', 3, true);
SELECT pg_catalog.setval('public.runs_id_seq', 2, true);
ALTER TABLE ONLY public.annotations
    ADD CONSTRAINT annotations_pkey PRIMARY KEY (project_id, annotation_id);
ALTER TABLE ONLY public.batches
    ADD CONSTRAINT batches_pkey PRIMARY KEY (project_id, number);
ALTER TABLE ONLY public.embeddings
    ADD CONSTRAINT embeddings_pkey PRIMARY KEY (model, text_hash);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.heads
    ADD CONSTRAINT heads_pkey PRIMARY KEY (project_id, version);
ALTER TABLE ONLY public.label_snapshots
    ADD CONSTRAINT label_snapshots_pkey PRIMARY KEY (project_id);
ALTER TABLE ONLY public.leases
    ADD CONSTRAINT leases_pkey PRIMARY KEY (project_id);
ALTER TABLE ONLY public.projects
    ADD CONSTRAINT projects_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.revisions
    ADD CONSTRAINT revisions_pkey PRIMARY KEY (project_id);
ALTER TABLE ONLY public.run_requests
    ADD CONSTRAINT run_requests_pkey PRIMARY KEY (project_id, reason);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.secrets
    ADD CONSTRAINT secrets_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.task_changes
    ADD CONSTRAINT task_changes_pkey PRIMARY KEY (project_id, revision, task_id);
ALTER TABLE ONLY public.tasks
    ADD CONSTRAINT tasks_pkey PRIMARY KEY (project_id, task_id);
ALTER TABLE ONLY public.texts
    ADD CONSTRAINT texts_pkey PRIMARY KEY (text_hash);
CREATE INDEX annotations_by_task ON public.annotations USING btree (project_id, task_id);
CREATE INDEX ix_events_project_id ON public.events USING btree (project_id);
CREATE INDEX ix_runs_project_id ON public.runs USING btree (project_id);
CREATE INDEX tasks_by_text ON public.tasks USING btree (text_hash);
