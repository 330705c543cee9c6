importScripts('/sdk/lethe-worker.js')
