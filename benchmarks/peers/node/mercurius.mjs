import Fastify from 'fastify'
import mercurius from 'mercurius'
import { resolvers, typeDefs } from './listing.mjs'

const app = Fastify()
app.register(mercurius, { schema: typeDefs, resolvers, jit: 1 })
await app.listen({ host: '127.0.0.1', port: Number(process.env.PORT) })
