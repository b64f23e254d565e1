// What people do with nexrender's own client, and what its workers do with it: said to a server, and answered as JSON.
// node nexrender_client.cjs NODE_MODULES HOST KEY
const { createRequire } = require('module')

const [folder, host, secret] = process.argv.slice(2)
const load = createRequire(`${folder}/`)
const { createClient } = load('@nexrender/api')
const { getRenderingStatus } = load('@nexrender/types/job')

const client = createClient({ host, secret, name: 'box-1', polling: 20 })
const template = { src: 'file:///a.aep', composition: 'main' }

const refused = async promise => promise.then(() => null, error => error.message)
const until = (emitter, event) => new Promise((resolve, reject) => {
    emitter.once(event, resolve)
    if (event !== 'error') emitter.once('error', reject)
})

// As the loop of the worker does it: all of the document when it begins, its status afterwards.
const work = async (states, tags) => {
    const job = await client.pickupJob(tags)
    if (!job.uid) return null
    await client.updateJob(job.uid, { ...job, state: 'started', startedAt: new Date() })
    const said = []
    for (const [state, more] of states) {
        Object.assign(job, { state }, more)
        said.push((await client.updateJob(job.uid, getRenderingStatus(job))).state)
    }
    return { uid: job.uid, said }
}

const main = async () => {
    const made = await client.addJob({ uid: 'first', template, tags: 'eu', priority: 1 })
    const finished = until(made, 'finished')
    const progress = new Promise(resolve => made.once('progress', (_, percent) => resolve(percent)))
    const created = (await until(made, 'created')).state

    const listed = (await client.listJobs()).map(job => job.uid)
    const fetched = await client.fetchJob('first')
    const updated = await client.updateJob('first', { priority: 2 })
    const nothing = await client.pickupJob('us')
    const worked = await work([['render:dorender', { renderProgress: 40 }]], 'eu')
    const percent = await progress
    const end = await client.updateJob('first', { state: 'finished', output: '/out.mp4', finishedAt: new Date() })
    const told = await finished

    const failing = until(await client.addJob({ uid: 'second', template }), 'error')
    await work([['error', { error: ['boom'], errorAt: new Date() }]])
    const failed = await failing

    await client.addJob({ uid: 'third', template }).then(emitter => emitter.on('error', () => {}))
    const removed = await client.removeJob('third')

    return {
        created, listed, fetched, updated, nothing, worked, percent, end: end.state, told: told.state,
        failed: failed.error, removed,
        again: await client.removeJob('third'),
        unknown: await refused(client.fetchJob('third')),
        invalid: await refused(client.addJob({ template: {} })),
        other: await refused(client.addJob({ uid: 'first', template, output: 'elsewhere' })),
        wrong: await refused(createClient({ host, secret: 'wrong' }).listJobs()),
        empty: await client.pickupJob(),
    }
}

main().then(
    answer => { console.log(JSON.stringify(answer)); process.exit(0) },
    error => { console.error(error.stack); process.exit(1) },
)
