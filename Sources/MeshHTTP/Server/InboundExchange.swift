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
    let version: HTTPVersion
    private let headers: HTTPHeaders
    let isContinueExpected: Bool
    /// How long nothing may move while one side waits for the caller.
    private let stallTimeout: Nanoseconds
    var machine: InboundExchangeStateMachine
    var body: InboundBodyStateMachine
    var driver: InboundExchangeDriver?
    private var task: Task<Void, Never>?
    private var reader: UnsafeContinuation<ByteBuffer?, any Error>?
    var writer: UnsafeContinuation<Void, any Error>?
    /// The end of a response that waits until the connection has taken what is before it: only then does the next
    /// request of HTTP/1.1 come in, however many the caller has sent ahead.
    var heldEnd: HeldEnd?
    var framing = ServerResponseHead.Framing.none
    /// A head that is not written yet, as there may be nothing behind it, or something that goes along.
    var heldHead: HTTPResponseHead?
    var isFlushDue = false
    var writtenBytes = 0
    private var discardedBytes = 0
    var isContinued = false
    var isFlushing = false
    var deadline: LoopAlarm?
    private var stall: LoopAlarm?

    struct HeldEnd {
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
    func askForBody() {
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

    // MARK: The end

    func flushed(_ result: Result<Void, any Error>, _ completion: InboundExchangeStateMachine.Completion) {
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

    func watchForStall(within limit: Nanoseconds? = nil) {
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
