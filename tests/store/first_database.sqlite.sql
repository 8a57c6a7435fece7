-- What version 0.1.0 wrote, whose databases carry no schema version (sqlite3's dump).
BEGIN TRANSACTION;
CREATE TABLE annotations (
	project_id BIGINT NOT NULL, 
	annotation_id BIGINT NOT NULL, 
	task_id BIGINT NOT NULL, 
	annotator BIGINT, 
	cancelled BOOLEAN NOT NULL, 
	result TEXT NOT NULL, 
	updated_at VARCHAR(40) NOT NULL, 
	PRIMARY KEY (project_id, annotation_id)
);
INSERT INTO "annotations" VALUES(2,101,11,7,0,'[{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["bill"]}}]','2026-01-02T03:04:05.678901Z');
INSERT INTO "annotations" VALUES(2,102,11,8,0,'[{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["bill"]}}]','2026-01-02T03:04:05.678901Z');
INSERT INTO "annotations" VALUES(2,103,12,7,0,'[{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["caf\u00e9"]}}]','2026-01-02T03:04:05.678901Z');
INSERT INTO "annotations" VALUES(2,104,13,7,1,'[]','2026-01-02T03:04:05.678901Z');
INSERT INTO "annotations" VALUES(2,105,14,NULL,0,'[{"from_name": "label", "to_name": "text", "type": "choices", "value": {"choices": ["bill"]}}]','2026-01-02T03:04:05.678901Z');
CREATE TABLE batches (
	project_id BIGINT NOT NULL, 
	number INTEGER NOT NULL, 
	version VARCHAR(100) NOT NULL, 
	method VARCHAR(60) NOT NULL, 
	why TEXT NOT NULL, 
	head_version VARCHAR(100), 
	task_ids TEXT NOT NULL, 
	size INTEGER NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	created_at FLOAT NOT NULL, 
	published_at FLOAT, 
	PRIMARY KEY (project_id, number)
);
INSERT INTO "batches" VALUES(2,1,'batch 1 random 00000001','random','why 1',NULL,'[15, 13, 12]',2,'removed',1760000004.0,1760000005.0);
INSERT INTO "batches" VALUES(2,2,'batch 2 badge 00000002','badge','why 2','head 1','[14, 13, 12]',2,'superseded',1760000006.0,1760000007.0);
INSERT INTO "batches" VALUES(2,3,'batch 3 badge 00000003','badge','why 3','head 1','[15, 13, 12]',2,'published',1760000008.0,1760000010.0);
INSERT INTO "batches" VALUES(2,4,'batch 4 badge 00000004','badge','why 4','head 1','[14, 13, 12]',2,'planned',1760000011.0,NULL);
CREATE TABLE embeddings (
	model VARCHAR(300) NOT NULL, 
	text_hash VARCHAR(32) NOT NULL, 
	vector BLOB NOT NULL, 
	PRIMARY KEY (model, text_hash)
);
INSERT INTO "embeddings" VALUES('minilm','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',X'CDCCCC3D000020C08F284E310000803F');
INSERT INTO "embeddings" VALUES('minilm','bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',X'0000803F000000400000404000008040');
INSERT INTO "embeddings" VALUES('minilm','cccccccccccccccccccccccccccccccc',X'000000800000803E0000E040EC78AD60');
INSERT INTO "embeddings" VALUES('hub/other-model','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',X'CDCC4C3E0000A0C08F28CE3100000040');
CREATE TABLE events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	project_id BIGINT NOT NULL, 
	action VARCHAR(60) NOT NULL, 
	body TEXT NOT NULL, 
	received_at FLOAT NOT NULL
);
INSERT INTO "events" VALUES(1,5,'TASKS_CREATED','{"tasks": [{"id": 1, "data": {"text": "nul \u0000 and \ud83d\ude00"}}]}',1760000014.0);
INSERT INTO "events" VALUES(2,2,'ANNOTATION_CREATED','{"annotation": {"id": 106}, "task": {"id": 15}}',1760000015.0);
INSERT INTO "events" VALUES(3,8,'PROJECT_UPDATED','{}',1760000015.0);
CREATE TABLE heads (
	project_id BIGINT NOT NULL, 
	version VARCHAR(100) NOT NULL, 
	classes TEXT NOT NULL, 
	multi_label BOOLEAN NOT NULL, 
	embedding_model VARCHAR(300) NOT NULL, 
	n_labels INTEGER NOT NULL, 
	blob BLOB NOT NULL, 
	metrics TEXT NOT NULL, 
	created_at FLOAT NOT NULL, 
	PRIMARY KEY (project_id, version)
);
INSERT INTO "heads" VALUES(2,'head 1','["bill", "caf\u00e9"]',0,'minilm',3,X'00112233445566778899AABBCCDDEEFF275C','{"right": 3, "asked": 4, "random_right": 1, "random_asked": 2}',1760000001.0);
INSERT INTO "heads" VALUES(2,'head 2','["bill", "caf\u00e9"]',0,'minilm',4,X'00112233445566778899AABBCCDDEEFF275C','{"right": 3, "asked": 4, "random_right": 1, "random_asked": 2}',1760000002.0);
INSERT INTO "heads" VALUES(4,'many','["x"]',1,'hub/other-model',9,X'00','{}',1760000003.0);
CREATE TABLE label_snapshots (
	project_id BIGINT NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (project_id)
);
INSERT INTO "label_snapshots" VALUES(2,'{"11": ["bill"], "12": ["caf\u00e9"]}');
CREATE TABLE leases (
	project_id BIGINT NOT NULL, 
	owner VARCHAR(200) NOT NULL, 
	until FLOAT NOT NULL, 
	PRIMARY KEY (project_id)
);
INSERT INTO "leases" VALUES(2,'host:4242:abcdef12:140000000000000',1760000046.0);
CREATE TABLE projects (
	id BIGINT NOT NULL, 
	title TEXT NOT NULL, 
	label_config TEXT NOT NULL, 
	settings TEXT NOT NULL, 
	extra_params TEXT, 
	backend_url TEXT, 
	state VARCHAR(20) NOT NULL, 
	phase TEXT NOT NULL, 
	error TEXT, 
	watermark VARCHAR(40), 
	fingerprint VARCHAR(64), 
	cycle INTEGER NOT NULL, 
	meta TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "projects" VALUES(1,'Mail 1','','{}',NULL,NULL,'new','waiting',NULL,NULL,NULL,0,'{}');
INSERT INTO "projects" VALUES(2,'Mail 2','<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single"><Choice value="bill"/><Choice value="café"/></Choices></View>','{"strategy": "badge", "batch_size": 3, "random_share": 0.5}','{"strategy": "badge"}','http://backend:9090','ready','up to date',NULL,'2026-01-02T03:04:05.678901Z','ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',2,'{"labels": {"bill": 2, "caf\u00e9": 1}, "labeled": 3, "skipped": 1, "ties": 0, "without_answer": 0, "unknown_choices": {"old name": 1}, "duplicates": 1, "open": 2, "tasks": 6, "embedded": 4, "to_embed": 1, "queue_remaining": 2, "annotators": 2, "why": "3 new labels; most uncertain first", "next_page": 1, "first_newest": "2026-01-02T03:04:05.678901Z", "text_source": "Text:text", "attached": true, "address": "http://backend:9090", "extra_params_seen": ["{\"strategy\": \"badge\"}"], "seen_by": "3 of organization 1", "unmatched": [[4, 1, 5, 1], 1], "settings_used": {"strategy": "badge", "batch_size": 3}, "newest_task": 16, "random_tasks": [[11], [14, 15]]}');
INSERT INTO "projects" VALUES(3,'Mail 3','<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single"><Choice value="bill"/><Choice value="café"/></Choices></View>','{}',NULL,NULL,'waiting','waiting','waiting: see the log',NULL,NULL,0,'{"next_page": 4, "first_newest": "2026-01-02T00:00:00Z", "text_source": "Text:text", "attached": true}');
INSERT INTO "projects" VALUES(4,'Mail 4','<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single"><Choice value="bill"/><Choice value="café"/></Choices></View>','{}',NULL,NULL,'failed','waiting','failed: see the log',NULL,NULL,0,'{}');
INSERT INTO "projects" VALUES(5,'Mail 5','<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single"><Choice value="bill"/><Choice value="café"/></Choices></View>','{}',NULL,NULL,'unsupported','waiting','unsupported: see the log',NULL,NULL,0,'{}');
INSERT INTO "projects" VALUES(6,'Mail 6','<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single"><Choice value="bill"/><Choice value="café"/></Choices></View>','{}',NULL,NULL,'missing','waiting','missing: see the log',NULL,NULL,0,'{}');
INSERT INTO "projects" VALUES(7,'Mail 7','<View><Text name="text" value="$text"/><Choices name="label" toName="text" choice="single"><Choice value="bill"/><Choice value="café"/></Choices></View>','{}',NULL,NULL,'disconnected','waiting','disconnected: see the log',NULL,NULL,0,'{"attached": false, "extra_params_seen": []}');
INSERT INTO "projects" VALUES(8,'','','{}',NULL,NULL,'new','',NULL,NULL,NULL,0,'{}');
CREATE TABLE revisions (
	project_id BIGINT NOT NULL, 
	revision BIGINT NOT NULL, 
	PRIMARY KEY (project_id)
);
INSERT INTO "revisions" VALUES(2,3);
INSERT INTO "revisions" VALUES(3,1);
INSERT INTO "revisions" VALUES(9,2);
CREATE TABLE run_requests (
	project_id BIGINT NOT NULL, 
	reason VARCHAR(60) NOT NULL, 
	PRIMARY KEY (project_id, reason)
);
INSERT INTO "run_requests" VALUES(2,'labels');
INSERT INTO "run_requests" VALUES(8,'settings');
INSERT INTO "run_requests" VALUES(2,'setup');
CREATE TABLE runs (
	id INTEGER NOT NULL, 
	project_id BIGINT NOT NULL, 
	body TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "runs" VALUES(1,2,'{"at": 1760000012.0, "batch": 1, "version": "batch 1 badge 00000001", "method": "badge", "why": "why 1", "labels": 3, "reasons": ["labels", "every minute"], "seconds": {"wait": 0.1, "sync": 0.2, "fit": 0.012, "query": 0.034}, "label_studio": {"requests": 9, "seconds": 0.5}, "right": 3, "of": 4, "kappa": null}');
INSERT INTO "runs" VALUES(2,2,'{"at": 1760000013.0, "batch": 2, "version": "batch 2 badge 00000002", "method": "badge", "why": "why 2", "labels": 4, "reasons": ["labels", "every minute"], "seconds": {"wait": 0.1, "sync": 0.2, "fit": 0.012, "query": 0.034}, "label_studio": {"requests": 9, "seconds": 0.5}, "right": 3, "of": 4, "kappa": 0.91}');
CREATE TABLE secrets (
	name VARCHAR(60) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "secrets" VALUES('webhook','the-secret-that-webhooks-carry');
CREATE TABLE task_changes (
	project_id BIGINT NOT NULL, 
	revision BIGINT NOT NULL, 
	task_id BIGINT NOT NULL, 
	PRIMARY KEY (project_id, revision, task_id)
);
INSERT INTO "task_changes" VALUES(2,1,11);
INSERT INTO "task_changes" VALUES(2,1,12);
INSERT INTO "task_changes" VALUES(2,1,13);
INSERT INTO "task_changes" VALUES(2,1,14);
INSERT INTO "task_changes" VALUES(2,1,15);
INSERT INTO "task_changes" VALUES(2,1,16);
INSERT INTO "task_changes" VALUES(3,1,31);
INSERT INTO "task_changes" VALUES(2,2,11);
INSERT INTO "task_changes" VALUES(2,2,12);
INSERT INTO "task_changes" VALUES(2,2,13);
INSERT INTO "task_changes" VALUES(2,3,14);
CREATE TABLE tasks (
	project_id BIGINT NOT NULL, 
	task_id BIGINT NOT NULL, 
	text_hash VARCHAR(32), 
	problem TEXT, 
	updated_at VARCHAR(40), 
	PRIMARY KEY (project_id, task_id)
);
INSERT INTO "tasks" VALUES(2,11,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,'2026-01-02T00:00:00Z');
INSERT INTO "tasks" VALUES(2,12,'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',NULL,'2026-01-02T00:00:00Z');
INSERT INTO "tasks" VALUES(2,13,'cccccccccccccccccccccccccccccccc',NULL,'2026-01-02T00:00:00Z');
INSERT INTO "tasks" VALUES(2,14,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,'2026-01-02T00:00:00Z');
INSERT INTO "tasks" VALUES(2,15,'dddddddddddddddddddddddddddddddd',NULL,'2026-01-02T00:00:00Z');
INSERT INTO "tasks" VALUES(2,16,NULL,'the field ''text'' is missing',NULL);
INSERT INTO "tasks" VALUES(3,31,'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',NULL,NULL);
CREATE TABLE texts (
	text_hash VARCHAR(32) NOT NULL, 
	text TEXT NOT NULL, 
	PRIMARY KEY (text_hash)
);
INSERT INTO "texts" VALUES('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa','The bill is wrong');
INSERT INTO "texts" VALUES('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb','Un café, s''il vous plaît ☕');
INSERT INTO "texts" VALUES('cccccccccccccccccccccccccccccccc','line one
line two; ''quoted''');
INSERT INTO "texts" VALUES('dddddddddddddddddddddddddddddddd','no vector yet');
CREATE INDEX ix_events_project_id ON events (project_id);
CREATE INDEX tasks_by_text ON tasks (text_hash);
CREATE INDEX annotations_by_task ON annotations (project_id, task_id);
CREATE INDEX ix_runs_project_id ON runs (project_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',3);
COMMIT;
