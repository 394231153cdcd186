// Node's clients against the address in the first argument, whose server echoes what is posted, answers GET /bytes/N
// with N bytes "x", and everything else with "ok". Says each thing that went well on a line of its own.
'use strict';
const assert = require('assert');
const http = require('http');

const [host, port] = process.argv[2].split(':');

// ask resolves with the response and its whole body. What write does with the request comes before its end.
function ask(options, write = request => request.end()) {
	return new Promise((resolve, reject) => {
		const request = http.request({host, port, ...options}, response => {
			const parts = [];
			response.on('data', part => parts.push(part));
			response.on('error', reject);
			const {localPort} = response.socket;
			response.on('end', () => resolve({response, localPort, body: Buffer.concat(parts)}));
		});
		request.on('error', reject);
		write(request);
	});
}

async function agent() {
	const keeping = new http.Agent({keepAlive: true, maxSockets: 4});
	const asked = Array.from({length: 200}, (_, i) => ask({agent: keeping, path: '/' + i}));
	const answers = await Promise.all(asked);
	assert(answers.every(a => a.response.statusCode === 200 && a.body.toString() === 'ok'));
	assert.strictEqual(new Set(answers.map(a => a.localPort)).size, 4);
	keeping.destroy();
}

async function chunkedUpload() {
	const piece = 'abcdefgh'.repeat(128);
	const {response, body} = await ask({method: 'POST', path: '/echo'}, request => {
		for (let i = 0; i < 1000; i++) request.write(piece);
		request.end();
	});
	assert.strictEqual(response.statusCode, 200);
	assert.strictEqual(body.toString(), piece.repeat(1000));
}

async function expectation() {
	let told = false;
	const headers = {'Expect': '100-continue', 'Content-Length': 5};
	const {body} = await ask({method: 'POST', path: '/echo', headers}, request => {
		request.on('continue', () => {
			told = true;
			request.end('hello');
		});
		request.flushHeaders();
	});
	assert(told);
	assert.strictEqual(body.toString(), 'hello');
}

async function head() {
	const {response, body} = await ask({method: 'HEAD', path: '/bytes/1000'});
	assert.strictEqual(response.headers['content-length'], '1000');
	assert.strictEqual(body.length, 0);
}

// abort leaves in the middle of bodies of both directions; lb and the others' requests live on.
async function abort() {
	await new Promise(resolve => {
		const request = http.get({host, port, path: '/bytes/50000000'}, response => {
			response.once('data', () => response.destroy());
			response.on('close', resolve);
		});
		request.on('error', () => {});
	});
	await new Promise(resolve => {
		const request = http.request({host, port, method: 'POST', path: '/echo', headers: {'Content-Length': 1000000}});
		request.on('error', () => {});
		request.on('close', resolve);
		request.write('half', () => request.destroy());
	});
	assert.strictEqual((await ask({path: '/'})).body.toString(), 'ok');
}

async function fetches() {
	const url = `http://${host}:${port}/echo`;
	const bodies = Array.from({length: 50}, (_, i) => 'fetch ' + i);
	const answers = bodies.map(async body => (await fetch(url, {method: 'POST', body})).text());
	assert.deepStrictEqual(await Promise.all(answers), bodies);
}

(async () => {
	for (const check of [agent, chunkedUpload, expectation, head, abort, fetches]) {
		await check();
		console.log(check.name);
	}
	process.exit(0); // fetch keeps its connections
})().catch(error => {
	console.error(error);
	process.exit(1);
});
