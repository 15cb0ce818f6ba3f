import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'

type RawAnswer = { status: number; headers: Headers; text: string }

/** A connection on which a test says exactly what it wants to, byte for byte. */
export async function rawSocket(t: Test, base: string, { allowHalfOpen = false, paused = false } = {}) {
  const { hostname, port } = new URL(base)
  const socket: Socket = connect({ port: Number(port), host: hostname, allowHalfOpen })
  const chunks: Buffer[] = []
  socket.on('error', () => {})
  if (!paused) socket.on('data', (chunk) => chunks.push(chunk))
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  t.teardown(() => socket.destroy())
  return {
    write: (bytes: string | Buffer) => void socket.write(bytes),
    /** What has come so far. */
    said: () => Buffer.concat(chunks).toString(),
    closed,
    end: () => socket.destroy()
  }
}

/** Reads the first whole answer in what a connection said; undefined while it is not complete. */
export function readAnswer(said: string): RawAnswer | undefined {
  const end = said.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const [first = '', ...lines] = said.slice(0, end).split('\r\n')
  const headers = new Headers(lines.map((line) => [line.split(':')[0] ?? '', line.slice(line.indexOf(':') + 1).trim()]))
  const text = said.slice(end + 4)
  const length = Number(headers.get('content-length') ?? 0)
  return Buffer.byteLength(text) < length
    ? undefined
    : { status: Number(first.split(' ')[1]), headers, text: text.slice(0, length) }
}
