# Two commands do all the set-up: `make demo` runs the main job, `make test` passes the tests.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint audit lowest board board-synthetic board-lfw-pictures board-lfw-dlib axe site docs pictures bench clean

.venv/installed: pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: .venv/installed
	$(BIN)/aiakit run --defense aia --attacks all

# Side by side with one thread each, where the processor has the cores; a process holds 1.4 GiB. Compiled code is kept
# whatever the environment says, since hundreds of processes load it.
test: .venv/installed
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist worksteal

lint: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/bandit --quiet --configfile pyproject.toml --recursive aiakit attacks defenses benchmarks

# Known vulnerabilities of what is installed. Asks a service on the network, so it is no part of lint.
audit: .venv/installed
	$(BIN)/python -m pip install --quiet pip-audit
	$(BIN)/pip-audit --skip-editable --progress-spinner off || \
		{ echo "make audit: pip-audit found the above, or could not reach its service: it needs the network" >&2; exit 1; }

# The tests with the lowest versions of everything that pyproject.toml names; needs uv and some gigabytes.
lowest:
	uv venv --quiet --seed --python 3.11 --clear build/lowest
	uv pip install --quiet --python build/lowest/bin/python --resolution lowest-direct --editable '.[dev]'
	build/lowest/bin/python -m pytest

# What the tests of pages ask whether anybody is kept out of one; they skip without it. From npm's registry.
axe: build/axe/node_modules
build/axe/node_modules:
	npm install --prefix build/axe --no-audit --no-fund --loglevel error axe-core@4

# The site in build/site, from what is stored: a first page, the boards of benchmarks/board, the documentation.
site: .venv/docs
	$(BIN)/python -m benchmarks.site build/site
	$(MAKE) docs

# The documentation in build/site/docs; a dead link, or what a page would load from another host, is an error.
docs: .venv/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

.venv/docs: .venv/installed
	$(BIN)/python -m pip install --quiet --editable '.[docs]'
	touch $@

# The boards of benchmarks/board: what changed is computed anew, the rest is kept in build/board and in the entries. Those on
# real people where AIAKIT_DATA holds lfw and lfw_dlib128.npz; their labels stay there.
BOARD = --knowledge insider,query --folds 5 --halving --pairs 4000 --risks all --jobs 2 --threads 1 --out build/board
SUBMIT = $(BIN)/aiakit leaderboard submit --replace --submitter aiakit
LFW = --dataset lfw --data-root $(AIAKIT_DATA)/lfw
ERASERS = mean-projection,leace,splince,quadratic-leace,inlp,r-lace,kernel-arl,kram,obliviator,fare,density-matching
FILTERS = random,blur,pixelate,downsample,k-same
TRAINED = aia-ensemble,grl,maxent-arl,vib,ive,pe-miu
PICTURES = $(LFW) --image-size 32 --seeds 3 $(BOARD) --pooled 3 \
	--attacks gender-mlp,logreg,qda,subspace,svm,pixels,spectrum,stack
EPOCHS = --set original.epochs=10 --set aia.epochs=10 --set aia-t.epochs=10

board: board-synthetic $(if $(AIAKIT_DATA),board-lfw-pictures board-lfw-dlib)

board-synthetic: .venv/installed
	$(BIN)/aiakit run --dataset synthetic --people 600 --images-per-person 2 --image-size 32 --seeds 3 $(BOARD) \
		--attacks logreg,qda,subspace,svm,inverse,pixels,spectrum,stack \
		--defense $(FILTERS),san,aia,aia-t,$(TRAINED),$(ERASERS) \
		--defense identity-transport,identity-transport+inlp,certified-code,gaussian-noise,laplace-noise \
		--set original.epochs=8 --set aia.epochs=8 --set aia-t.epochs=8 --name synthetic
	$(SUBMIT) build/board/synthetic -o benchmarks/board/synthetic

board-lfw-pictures: .venv/installed
	$(BIN)/aiakit run $(PICTURES) --defense $(FILTERS),san,aia,aia-t,identity-transport $(EPOCHS) \
		--name lfw-pictures
	$(BIN)/aiakit run $(PICTURES) --defense identity-transport --set identity-transport.latent=8 \
		--set original.epochs=10 --name lfw-pictures-8
	$(SUBMIT) build/board/lfw-pictures -o benchmarks/board/lfw-pictures
	$(SUBMIT) build/board/lfw-pictures-8 -o benchmarks/board/lfw-pictures
	$(BIN)/python -m benchmarks.site --store lfw-pictures

board-lfw-dlib: .venv/installed
	$(BIN)/aiakit run $(LFW) --encoder precomputed:$(AIAKIT_DATA)/lfw_dlib128.npz --seeds 3 $(BOARD) \
		--pooled 3 --attacks logreg,qda,subspace,svm,mlp,inverse,stack --defense $(ERASERS),$(TRAINED) \
		--defense identity-transport,identity-transport+kernel-arl,identity-transport+inlp,certified-code \
		--name lfw-dlib
	$(SUBMIT) build/board/lfw-dlib -o benchmarks/board/lfw-dlib
	$(BIN)/python -m benchmarks.site --store lfw-dlib

# The two pictures of README.md, on the embedded data set: nobody's face. Some minutes.
pictures: .venv/installed
	$(BIN)/aiakit run --defense random,aia,leace --attacks lda,qda,svm --people 400 --images-per-person 6 \
		--jobs 1 --threads 1 --out build --name pictures
	$(BIN)/aiakit leaderboard build/pictures --html build/board --figures
	cp build/board/figures/claimed-measured.svg docs/pictures/board.svg
	$(BIN)/aiakit visualize build/pictures --count 3 --seed 2 --out docs/pictures/faces.svg

bench: .venv/installed
	$(BIN)/python -m benchmarks.speed.steps

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
