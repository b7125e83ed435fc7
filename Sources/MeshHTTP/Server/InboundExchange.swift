// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import HTTPTypes
import MeshCore
import NIOCore
import NIOHTTP1
import NIOHTTP2

/// One request that is served, on the event loop of its connection.
///
/// The handler's task reaches it through an `ExchangeReference`; nothing here is touched off the loop.
final class InboundExchange {
    /// The most bytes of a body that nobody reads, before the connection is rather closed than reused, or the stream
    /// reset without an error, as RFC 9113 §8.1 has it.
    static let maximumDiscardedBytes = 256 * 1024
    /// How long a caller may go on sending after its response: nginx's `lingering_timeout`.
    static let lingerTimeout = Nanoseconds.seconds(5)

    let method: HTTPMethod
    private let version: HTTPVersion
    private let headers: HTTPHeaders
    private let isContinueExpected: Bool
    /// How long nothing may move while one side waits for the caller.
    private let stallTimeout: Nanoseconds
    private(set) var machine: InboundExchangeStateMachine
    private(set) var body: InboundBodyStateMachine
    private var driver: InboundExchangeDriver?
    private var task: Task<Void, Never>?
    private var reader: UnsafeContinuation<ByteBuffer?, any Error>?
    private var writer: UnsafeContinuation<Void, any Error>?
    /// The end of a response that waits until the connection has taken what is before it: only then does the next
    /// request of HTTP/1.1 come in, however many the caller has sent ahead.
    private var heldEnd: HeldEnd?
    private var framing = ServerResponseHead.Framing.none
    /// A head that is not written yet, as there may be nothing behind it, or something that goes along.
    private var heldHead: HTTPResponseHead?
    private var isFlushDue = false
    private var writtenBytes = 0
    private var discardedBytes = 0
    private var isContinued = false
    private var isFlushing = false
    private var deadline: LoopAlarm?
    private var stall: LoopAlarm?

    private struct HeldEnd {
        var trailers: HTTPFields?
        var continuation: UnsafeContinuation<Void, any Error>?
    }

    init(_ head: HTTPRequestHead, driver: InboundExchangeDriver, highWatermark: Int, stallTimeout: Nanoseconds) {
        self.method = head.method
        self.version = head.version
        self.headers = head.headers
        self.isContinueExpected = head.headers[canonicalForm: "expect"].contains { $0.lowercased() == "100-continue" }
        self.stallTimeout = stallTimeout
        self.machine = InboundExchangeStateMachine(closes: head.version.major == 1 && !head.isKeepAlive)
        self.body = InboundBodyStateMachine(highWatermark: highWatermark)
        self.driver = driver
    }

    /// Whether the caller speaks gRPC, and reads answers in its form. Asked only where something went wrong.
    var isGRPC: Bool { headers.first(name: "content-type").map(LocalReply.isGRPC) ?? false }

    /// The handler's task; this exchange cancels it, and the task itself is what ends last.
    func began(_ task: Task<Void, Never>) {
        self.task = task
    }

    // MARK: From the connection

    func received(_ chunk: ByteBuffer) {
        if body.isDiscarding {
            discardedBytes += chunk.readableBytes
            if discardedBytes > Self.maximumDiscardedBytes { driver?.abort(.noError) }
            return
        }
        body.received(chunk)
        wakeReader()
    }

    func ended(trailers: HTTPFields) {
        body.ended(trailers: trailers)
        let isComplete = machine.requestEnded()
        wakeReader()
        if isComplete { release(reusing: true) }
    }

    func writabilityChanged(isWritable: Bool) {
        guard isWritable, !isFlushing else { return }
        if let held = heldEnd.take() { return finish(held.trailers, then: held.continuation) }
        writer.take()?.resume()
    }

    /// Ends the exchange before its handler is done.
    func cut(_ reason: InboundExchangeStateMachine.Cut) {
        let action = machine.wasCut(reason)
        guard action != .none else {
            // The response is complete but for the wire, and the wire is gone or stands still.
            if isFlushing || body.isDiscarding { driver?.abort(.noError) }
            guard reason == .callerLeft else { return }
            // Whether the write is ever reported is up to what has been closed.
            isFlushing = false
            writer.take()?.resume(throwing: reason.error)
            return release(reusing: false)
        }
        // Before the cancellation, which would else be all that they hear.
        let error = reason.error
        reader.take()?.resume(throwing: error)
        writer.take()?.resume(throwing: error)
        heldEnd.take()?.continuation?.resume(throwing: error)
        task?.cancel()
        switch action {
        case .none: break
        case .cancel: release(reusing: false)
        case .answer:
            if let reply = error.localReply { answer(InboundResponse(localReply: adapted(reply, of: error))) }
        case .abort:
            // gRPC's callers get a status even now, where the body is not being ended already.
            guard isGRPC, version.major > 1, reason == .deadlinePassed, framing == .open, !isFlushing else {
                driver?.abort(.cancel)
                break
            }
            finish(HTTPFields(grpcStatusOf: error), then: nil)
        }
    }

    private func wakeReader() {
        guard reader != nil else { return }
        switch body.read() {
        case .chunk(let chunk, let resumes):
            reader.take()?.resume(returning: chunk)
            if resumes { driver?.resumeReading() }
        case .end: reader.take()?.resume(returning: nil)
        case .wait: break
        }
    }

    // MARK: From the handler

    /// What a reader gets without waiting; `nil` if it has to wait.
    func takeChunk() throws -> ByteBuffer?? {
        if let cut = machine.cut { throw cut.error }
        switch body.read() {
        case .chunk(let chunk, let resumes):
            if resumes { driver?.resumeReading() }
            return .some(.some(chunk))
        case .end: return .some(nil)
        case .wait:
            guard !body.isDiscarding else { throw InboundExchangeStateMachine.Cut.callerLeft.error }
            return nil
        }
    }

    func awaitChunk(_ continuation: UnsafeContinuation<ByteBuffer?, any Error>) {
        do {
            if let chunk = try takeChunk() { return continuation.resume(returning: chunk) }
        } catch {
            return continuation.resume(throwing: error)
        }
        // A second reader breaks the contract; the first one is let go rather than lost.
        reader.take()?.resume(throwing: CancellationError())
        reader = continuation
        askForBody()
        watchForStall()
    }

    /// Lets a caller that holds its body back send it.
    private func askForBody() {
        guard isContinueExpected, !isContinued, machine.isUnanswered, !machine.isRequestEnded else { return }
        isContinued = true
        driver?.write(.head(HTTPResponseHead(version: version, status: .continue)), flushes: true)
    }

    func stopReading() {
        reader.take()?.resume(throwing: CancellationError())
    }

    func stopWriting() {
        guard !isFlushing else { return }
        writer.take()?.resume(throwing: CancellationError())
    }

    /// Cuts the exchange when so much time has passed.
    func limit(to timeLeft: Nanoseconds) {
        guard let driver, !machine.isAnswered else { return }
        let alarm = LoopAlarm(driver.eventLoop) { [weak self] in self?.cut(.deadlinePassed) }
        alarm.set(in: timeLeft)
        deadline = alarm
    }

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

    private func finish(_ trailers: HTTPFields?, then continuation: UnsafeContinuation<Void, any Error>?) {
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

    // MARK: The end

    private func flushed(_ result: Result<Void, any Error>, _ completion: InboundExchangeStateMachine.Completion) {
        isFlushing = false
        writer.take()?.resume(with: result)
        switch completion {
        case .reuse: release(reusing: false)
        case .close:
            if !machine.isRequestEnded { watchForStall(within: min(stallTimeout, Self.lingerTimeout)) }
            driver?.close(lingering: !machine.isRequestEnded)
        case .discardRest:
            guard !machine.isRequestEnded else { break }
            // Most callers are nearly done, and a reset would reach some of them before the response does.
            watchForStall(within: min(stallTimeout, Self.lingerTimeout))
            driver?.resumeReading()
        }
    }

    private func release(reusing: Bool) {
        deadline?.cancel()
        stall?.cancel()
        if reusing { driver?.free(self) }
        // What waits for the wire keeps its way to it.
        if !isFlushing { driver = nil }
    }

    private func watchForStall(within limit: Nanoseconds? = nil) {
        guard let driver, (limit ?? stallTimeout) != .forever else { return }
        let alarm = stall ?? LoopAlarm(driver.eventLoop) { [weak self] in self?.stalled() }
        stall = alarm
        // Every wait begins anew: whoever waited before was served.
        alarm.set(in: limit ?? stallTimeout)
    }

    private func stalled() {
        guard reader != nil || writer != nil || heldEnd != nil || isFlushing || body.isDiscarding else { return }
        cut(.stalled)
    }
}
