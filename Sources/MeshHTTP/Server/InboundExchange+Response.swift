// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOHTTP1
import NIOHTTP2

/// The response, from its head to its end.
extension InboundExchange {
    /// Writes the response's head.
    /// - Throws: Why it is too late for it.
    ///
    /// A streamed response may still read the request's body, so that a body which is held back is asked for; behind
    /// the head it could not be any more.
    /// - Parameter isHeld: It waits for what comes behind it, and goes out alone if that is nothing.
    func start(_ response: HTTPResponse, length: Int?, isStreamed: Bool = false, isHeld: Bool = false) throws {
        guard let driver, machine.cut == nil || machine.isUnanswered else { throw machine.failure }
        if isStreamed { askForBody() }
        // A caller that still waits to be asked for its body cannot be told that nobody wants it.
        let isBodyHeldBack = isContinueExpected && !isContinued && !machine.isRequestEnded
        let isHopeless = isBodyHeldBack || machine.cut == .stalled || version != .http1_1
        let closes = version.major == 1 && (driver.wantsToClose || isHopeless)
        guard machine.headWritten(closes: closes) else { throw machine.failure }
        let head = ServerResponseHead(
            response,
            length: length,
            method: method,
            version: version,
            closes: machine.closes
        )
        framing = head.framing
        if isHeld {
            heldHead = head.head
        } else {
            driver.write(.head(head.head), flushes: isStreamed)
        }
    }

    /// Writes a head that was held, as something comes behind it.
    private func releaseHead() {
        guard let head = heldHead.take() else { return }
        driver?.write(.head(head), flushes: false)
    }

    /// Writes a head that was held, and everything else that was not flushed.
    func flush() {
        releaseHead()
        isFlushDue = false
        driver?.flush()
    }

    func write(_ chunk: ByteBuffer, then continuation: UnsafeContinuation<Void, any Error>) {
        do {
            if try put(chunk, flushing: .now) { return continuation.resume() }
        } catch {
            return continuation.resume(throwing: error)
        }
        wait(continuation)
    }

    /// When a chunk goes to the wire.
    enum Flushing {
        /// At once.
        case now
        /// When the loop has nothing else to do for this exchange, together with what is written until then.
        case soon
        /// With what comes behind it.
        case later
    }

    /// Writes a chunk.
    /// - Returns: Whether the connection takes more; if not, the next one has to wait, and what is written is flushed.
    func put(_ chunk: ByteBuffer, flushing: Flushing) throws -> Bool {
        guard let driver, machine.cut == nil, !machine.isUnanswered, !machine.isAnswered else { throw machine.failure }
        if framing != .none {
            writtenBytes += chunk.readableBytes
            if case .length(let length) = framing, writtenBytes > length {
                driver.abort(.internalError)
                throw MeshError.wrongLength
            }
            releaseHead()
            driver.write(.body(.byteBuffer(chunk)), flushes: flushing == .now)
            // A write that finds the connection broken closes it before it returns, and nobody would be told again.
            guard machine.cut == nil else { throw machine.failure }
        }
        if driver.isWritable {
            if flushing == .soon { flushSoon(driver) }
            return true
        }
        if flushing != .now { driver.flush() }
        return driver.isWritable
    }

    private func flushSoon(_ driver: InboundExchangeDriver) {
        guard !isFlushDue else { return }
        isFlushDue = true
        driver.eventLoop.assumeIsolated().execute { [self] in
            guard isFlushDue else { return }
            isFlushDue = false
            self.driver?.flush()
        }
    }

    /// Somebody waits until the connection takes more.
    func wait(_ continuation: UnsafeContinuation<Void, any Error>) {
        guard let driver, machine.cut == nil, !machine.isAnswered else {
            return continuation.resume(throwing: machine.failure)
        }
        if driver.isWritable { return continuation.resume() }
        writer.take()?.resume(throwing: CancellationError())
        writer = continuation
        watchForStall()
    }

    /// Writes the end; resumes when all of it has gone to the wire.
    func end(_ trailers: HTTPFields?, then continuation: UnsafeContinuation<Void, any Error>?) {
        guard let driver, machine.cut == nil || continuation == nil, !machine.isUnanswered, !machine.isAnswered else {
            continuation?.resume(throwing: machine.failure)
            return
        }
        if case .length(let length) = framing, writtenBytes < length {
            driver.abort(.internalError)
            continuation?.resume(throwing: MeshError.wrongLength)
            return
        }
        guard driver.isWritable || version.major > 1 else {
            heldEnd = HeldEnd(trailers: trailers, continuation: continuation)
            driver.flush()
            return watchForStall()
        }
        finish(trailers, then: continuation)
    }

    /// Writes the end, now that there is room for it.
    func finish(_ trailers: HTTPFields?, then continuation: UnsafeContinuation<Void, any Error>?) {
        guard let driver else {
            continuation?.resume(throwing: machine.failure)
            return
        }
        let fields = trailers.flatMap { $0.isEmpty || framing != .open ? nil : $0 }
        let completion = machine.responseEnded()
        body.discard()
        deadline?.cancel()
        isFlushing = true
        writer = continuation
        // The next request may come in while the end is being written, so the connection is free before that.
        if completion == .reuse { driver.free(self) }
        let promise = driver.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result in
            self.flushed(result, completion)
        }
        let trailing = fields.map { HTTPHeaders($0.map { ($0.name.rawName, $0.value) }) }
        if trailing == nil, let head = heldHead.take() {
            driver.writeOnly(head, promise)
        } else {
            releaseHead()
            driver.writeEnd(trailing, promise)
        }
        if isFlushing { watchForStall() }
    }

    /// The handler has failed behind the response's head.
    func abort() {
        guard !machine.isAnswered else { return }
        driver?.abort(.internalError)
    }

    /// Answers without the handler.
    func answer(_ response: InboundResponse) {
        switch response.body.content {
        case .bytes(let bytes):
            guard (try? start(response.head, length: bytes.readableBytes)) != nil else { return }
            send(bytes, then: nil)
        case .nothing: answer(response.head, then: nil)
        case .stream: break
        }
    }

    /// Answers with a head and nothing behind it: one frame of HTTP/2 that ends the stream.
    func answer(_ head: HTTPResponse, then continuation: UnsafeContinuation<Void, any Error>?) {
        let isFrame = version.major > 1
        do {
            try start(head, length: isFrame ? nil : 0, isHeld: isFrame)
        } catch {
            continuation?.resume(throwing: error)
            return
        }
        end(nil, then: continuation)
    }

    /// An answer of the mesh's in the form that the caller understands.
    func adapted(_ reply: LocalReply, of error: MeshError) -> LocalReply {
        isGRPC ? reply.inGRPC(status: error.rpcStatus) : reply
    }

    /// Writes a body that is held in memory, and the end.
    func send(_ bytes: ByteBuffer, then continuation: UnsafeContinuation<Void, any Error>?) {
        if framing != .none, bytes.readableBytes > 0 {
            releaseHead()
            writtenBytes += bytes.readableBytes
            driver?.write(.body(.byteBuffer(bytes)), flushes: false)
        }
        end(nil, then: continuation)
    }
}
