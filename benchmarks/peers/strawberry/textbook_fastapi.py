"""The textbook behind FastAPI, for uvicorn."""

from fastapi import FastAPI
from strawberry.fastapi import GraphQLRouter
from textbook import schema

app = FastAPI()
app.include_router(GraphQLRouter(schema, graphql_ide=None), prefix="/graphql")
