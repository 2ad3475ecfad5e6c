import { createSchema, createYoga } from 'graphql-yoga'
import { resolvers, typeDefs } from './listing.mjs'
import { serve } from './runtime.mjs'

const yoga = createYoga({ schema: createSchema({ typeDefs, resolvers }), logging: false, graphiql: false })

serve(async (event) => {
  const { headers, requestContext, rawPath, body } = event
  const request = new Request(`http://lambda${rawPath}`, { method: requestContext.http.method, headers, body })
  const answer = await yoga.fetch(request)
  return { statusCode: answer.status, headers: Object.fromEntries(answer.headers), body: await answer.text() }
})
