import { ApolloServer } from '@apollo/server'
import { handlers, startServerAndCreateLambdaHandler } from '@as-integrations/aws-lambda'
import { resolvers, typeDefs } from './listing.mjs'
import { serve } from './runtime.mjs'

const server = new ApolloServer({ typeDefs, resolvers })
serve(startServerAndCreateLambdaHandler(server, handlers.createAPIGatewayProxyEventV2RequestHandler()))
