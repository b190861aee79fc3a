"""The server that one writes in an afternoon: FastAPI over sentence-transformers' CrossEncoder. A peer of beside.py.

python fastapi_server.py MODEL PORT
"""

import sys
import threading

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sentence_transformers import CrossEncoder

model = CrossEncoder(sys.argv[1], device="cpu", max_length=512)
turn = threading.Lock()  # torch already uses all cores: requests that share them are all slower
app = FastAPI()


class Request(BaseModel):
    query: str
    texts: list[str]


@app.get("/health")
def health():
    return {}


@app.post("/rerank")
def rerank(request: Request):
    pairs = [(request.query, text) for text in request.texts]
    with turn:
        scores = model.predict(pairs, batch_size=32, show_progress_bar=False).tolist()
    order = sorted(range(len(scores)), key=scores.__getitem__, reverse=True)
    return [{"index": i, "score": scores[i]} for i in order]


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
