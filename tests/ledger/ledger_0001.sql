BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE curves (
	evaluation INTEGER NOT NULL, 
	seed INTEGER NOT NULL, 
	curve TEXT NOT NULL, 
	PRIMARY KEY (evaluation, seed), 
	FOREIGN KEY(evaluation) REFERENCES evaluations (id)
);
INSERT INTO "curves" VALUES(1,0,'{"arm":"black_box","brute_flops":4611686018427387904,"channel_batches":[0,2],"checkpoints":[18014398509481984,4611686018427387904],"flops":[9007199254740992,4611686018427387904],"loss":[0.3333333333333333,0.0],"question_hash":"qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq","reference_loss":0.30000000000000004,"rows":[1,100],"seed":0,"skill":[-0.1111111111111111,1.0],"statistician_flops":[5,6],"stop_flops":1152921504606846976,"stop_loss":0.01,"stop_rows":50,"stop_skill":0.97,"task":"family/data","total_rows":100}');
INSERT INTO "curves" VALUES(1,1,'{"arm":"black_box","brute_flops":4611686018427387904,"channel_batches":[0,2],"checkpoints":[18014398509481984,4611686018427387904],"flops":[9007199254740992,4611686018427387904],"loss":[0.3333333333333333,0.0],"question_hash":"qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq","reference_loss":0.30000000000000004,"rows":[1,100],"seed":1,"skill":[-0.1111111111111111,1.0],"statistician_flops":[5,6],"stop_flops":1152921504606846976,"stop_loss":0.01,"stop_rows":50,"stop_skill":0.97,"task":"family/data","total_rows":100}');
INSERT INTO "curves" VALUES(2,0,'{"arm":"white_box","brute_flops":4611686018427387904,"channel_batches":[0,2],"checkpoints":[18014398509481984,4611686018427387904],"flops":[9007199254740992,4611686018427387904],"loss":[0.3333333333333333,0.0],"question_hash":"qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq","reference_loss":0.30000000000000004,"rows":[1,100],"seed":0,"skill":[-0.1111111111111111,1.0],"statistician_flops":[5,6],"stop_flops":1152921504606846976,"stop_loss":0.01,"stop_rows":50,"stop_skill":0.97,"task":"family/data","total_rows":100}');
INSERT INTO "curves" VALUES(2,1,'{"arm":"white_box","brute_flops":4611686018427387904,"channel_batches":[0,2],"checkpoints":[18014398509481984,4611686018427387904],"flops":[9007199254740992,4611686018427387904],"loss":[0.3333333333333333,0.0],"question_hash":"qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq","reference_loss":0.30000000000000004,"rows":[1,100],"seed":1,"skill":[-0.1111111111111111,1.0],"statistician_flops":[5,6],"stop_flops":1152921504606846976,"stop_loss":0.01,"stop_rows":50,"stop_skill":0.97,"task":"family/data","total_rows":100}');
CREATE TABLE evaluations (
	id INTEGER NOT NULL, 
	run VARCHAR(200) NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	method VARCHAR(64) NOT NULL, 
	task VARCHAR(200) NOT NULL, 
	split VARCHAR(20) NOT NULL, 
	question_hash VARCHAR(64) NOT NULL, 
	question_index INTEGER NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	reason TEXT NOT NULL, 
	prepare_flops BIGINT NOT NULL, 
	flops BIGINT NOT NULL, 
	matmul_flops BIGINT NOT NULL, 
	rows INTEGER NOT NULL, 
	by_op TEXT NOT NULL, 
	by_region TEXT NOT NULL, 
	unknown TEXT NOT NULL, 
	cpu_seconds FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT one_evaluation_each UNIQUE (run, stage, method, question_hash), 
	FOREIGN KEY(run) REFERENCES runs (name)
);
INSERT INTO "evaluations" VALUES(1,'run','baseline','','family/data','train','qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq',3,'ok','',0,0,0,0,'{}','{}','{}',0.0,0.0);
INSERT INTO "evaluations" VALUES(2,'run','train','mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm','family/data','train','qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqq',3,'ok','',10,110,90,64,'{"mm":110}','{"predict":100}','{"odd":1}',0.5,0.75);
CREATE TABLE interpretations (
	run VARCHAR(200) NOT NULL, 
	method VARCHAR(64) NOT NULL, 
	target VARCHAR(200) NOT NULL, 
	corpus VARCHAR(64) NOT NULL, 
	rulebook VARCHAR(20) NOT NULL, 
	flops BIGINT NOT NULL, 
	bytes BIGINT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	by_op TEXT NOT NULL, 
	by_region TEXT NOT NULL, 
	seconds FLOAT NOT NULL, 
	PRIMARY KEY (run, method, target, corpus, rulebook), 
	FOREIGN KEY(run) REFERENCES runs (name)
);
INSERT INTO "interpretations" VALUES('run','mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm','target-id','cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc','v1',123,456,'ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss','{"add":23,"mm":100}','{"fit":123}',1.5);
CREATE TABLE methods (
	hash VARCHAR(64) NOT NULL, 
	source TEXT NOT NULL, 
	PRIMARY KEY (hash)
);
INSERT INTO "methods" VALUES('mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm','def interpret(): ...
');
CREATE TABLE openings (
	run VARCHAR(200) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	number INTEGER NOT NULL, 
	method VARCHAR(64) NOT NULL, 
	iteration INTEGER NOT NULL, 
	revealed BOOLEAN NOT NULL, 
	value FLOAT, 
	PRIMARY KEY (run, kind, number), 
	CONSTRAINT one_opening_each UNIQUE (run, kind, method, iteration), 
	FOREIGN KEY(run) REFERENCES runs (name)
);
INSERT INTO "openings" VALUES('run','validation',1,'mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm',0,1,0.5);
CREATE TABLE proposals (
	run VARCHAR(200) NOT NULL, 
	iteration INTEGER NOT NULL, 
	method VARCHAR(64) NOT NULL, 
	name VARCHAR(200) NOT NULL, 
	parents TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	PRIMARY KEY (run, iteration), 
	FOREIGN KEY(run) REFERENCES runs (name), 
	FOREIGN KEY(method) REFERENCES methods (hash)
);
INSERT INTO "proposals" VALUES('run',0,'mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm','lens','["pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp"]','{"layer":3}');
CREATE TABLE rounds (
	run VARCHAR(200) NOT NULL, 
	iteration INTEGER NOT NULL, 
	method VARCHAR(64) NOT NULL, 
	stage VARCHAR(20) NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	reason TEXT NOT NULL, 
	reward FLOAT, 
	standard_error FLOAT, 
	validation_reward FLOAT, 
	improved BOOLEAN NOT NULL, 
	best_method VARCHAR(64) NOT NULL, 
	best_reward FLOAT, 
	seconds FLOAT NOT NULL, 
	PRIMARY KEY (run, iteration), 
	FOREIGN KEY(run) REFERENCES runs (name)
);
INSERT INTO "rounds" VALUES('run',0,'mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm','validation','ok','',0.25,0.125,0.5,1,'mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm',0.5,3.0);
CREATE TABLE runs (
	name VARCHAR(200) NOT NULL, 
	config TEXT NOT NULL, 
	versions TEXT NOT NULL, 
	machine TEXT NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	opened_at VARCHAR(40) NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "runs" VALUES('run','{"executor":"statistician","options":{"caps":{"rows":0.5}},"researcher":"grammar","reward":"log","rulebook":"v1","seed":7,"target":"target-id","target_name":"tiny-random"}','{"istar":"0.1.0"}','{"cores":"2"}','finished','2026-11-27T03:05:32+00:00');
CREATE TABLE states (
	run VARCHAR(200) NOT NULL, 
	iteration INTEGER NOT NULL, 
	state TEXT NOT NULL, 
	PRIMARY KEY (run, iteration), 
	FOREIGN KEY(run) REFERENCES runs (name)
);
INSERT INTO "states" VALUES('run',0,'{"trials":[1,2.5,null]}');
CREATE TABLE tasks (
	run VARCHAR(200) NOT NULL, 
	task VARCHAR(200) NOT NULL, 
	family VARCHAR(200) NOT NULL, 
	split VARCHAR(20) NOT NULL, 
	status VARCHAR(20) NOT NULL, 
	reason TEXT NOT NULL, 
	questions INTEGER NOT NULL, 
	rows INTEGER NOT NULL, 
	brute_flops BIGINT NOT NULL, 
	dearest_run_flops BIGINT NOT NULL, 
	reliability FLOAT, 
	PRIMARY KEY (run, task), 
	FOREIGN KEY(run) REFERENCES runs (name)
);
INSERT INTO "tasks" VALUES('run','family/data','family','train','ok','',8,100,1000000000000000,1000000000000,0.9);
CREATE INDEX ix_proposals_method ON proposals (method);
COMMIT;
