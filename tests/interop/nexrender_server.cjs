// The real nexrender server on 127.0.0.1: its own program listens on every address and cannot be told not to.
// node nexrender_server.cjs PORT SECRET, with its packages in the folder node_modules of NODE_PATH.
const micro = require('micro')
const { createHandler } = require('@nexrender/server')

const [port, secret] = process.argv.slice(2)
const server = micro(createHandler(secret || ''))
server.listen(Number(port), '127.0.0.1', () => console.log('listening on ' + server.address().port))
