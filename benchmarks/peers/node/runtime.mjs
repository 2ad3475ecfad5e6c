// Lambda's Runtime API in a few lines: AWS's own client for Node has to be compiled, and this one is lighter still.
import http from 'node:http'

const [host, port] = process.env.AWS_LAMBDA_RUNTIME_API.split(':')
const agent = new http.Agent({ keepAlive: true })

function call(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host, port, agent, method, path: `/2018-06-01/runtime/invocation/${path}` }, (answer) => {
      const parts = []
      answer.on('data', (part) => parts.push(part))
      answer.on('end', () => resolve({ headers: answer.headers, text: Buffer.concat(parts).toString() }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

export async function serve(handler) {
  for (;;) {
    const { headers, text } = await call('GET', 'next')
    const id = headers['lambda-runtime-aws-request-id']
    const answer = await handler(JSON.parse(text), { awsRequestId: id })
    await call('POST', `${id}/response`, JSON.stringify(answer))
  }
}
