// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import AsyncHTTPClient
import HTTPTypes
import MeshCore
import MeshHTTP
import NIOCore
import Synchronization

/// A request with a streamed body, on AsyncHTTPClient's `async` interface.
///
/// Not on its delegates: when such a request fails while its body waits for the peer, they drop the promise that the
/// body waits for. What the other interface lacks, a deadline over the body, is added by a task that runs beside each
/// read.
final class StreamedExchange: ClientExchange {
    private let pipe: UploadPipe
    private let reader: Mutex<BodyReader?>
    private let deadline: Deadline
    private let clock: any MeshClock

    private init(_ body: HTTPClientResponse.Body, _ pipe: UploadPipe, until deadline: Deadline, _ clock: any MeshClock)
    {
        self.pipe = pipe
        self.reader = Mutex(BodyReader(body))
        self.deadline = deadline
        self.clock = clock
    }

    /// Sends a request; returns when the response's head is there, and the body is sent or refused.
    static func open(
        _ outgoing: (request: HTTPClientRequest, length: HTTPClientRequest.Body.Length),
        by produce: @escaping @Sendable (RequestBodyWriter) async throws -> Void,
        on client: HTTPClient,
        timing: ExchangeTiming,
        clock: any MeshClock
    ) async throws -> OpenedExchange {
        let pipe = UploadPipe()
        var request = outgoing.request
        request.body = .stream(pipe, length: outgoing.length)
        // Leaving this scope cancels the producer and waits for it.
        async let _: Void = pipe.fill(by: produce)
        let response: HTTPClientResponse
        do {
            let end = timing.headLoopDeadline ?? timing.loopDeadline
            response = try await client.execute(request, deadline: end ?? .distantFuture)
        } catch {
            // The producer's own error went through AsyncHTTPClient, and is thrown as it was.
            let cause = pipe.close(CancellationError())
            throw cause is CancellationError ? MeshError(error, isHeadSent: pipe.isStarted) : cause
        }
        let exchange = StreamedExchange(response.body, pipe, until: timing.deadline, clock)
        do {
            guard let head = HTTPResponse(status: response.status, headers: response.headers) else {
                throw MeshError(.protocolViolation, origin: .upstream, message: "the peer's status is none")
            }
            // AsyncHTTPClient sends nothing more of a body whose request was answered so.
            if head.status.code >= 300 { pipe.stop() } else { try await exchange.waitForUpload() }
            return OpenedExchange(head: head, exchange: exchange)
        } catch {
            exchange.finish()
            throw error is MeshError || error is CancellationError ? Self.failure(error) : error
        }
    }

    private func waitForUpload() async throws {
        guard !deadline.isNever else { return try await pipe.waitForEnd() }
        // Leaving this scope ends the watch.
        async let _: Void = watch()
        try await pipe.waitForEnd()
    }

    private func watch() async throws {
        try await clock.sleep(until: deadline.instant)
        pipe.close(MeshError(HTTPClientError.deadlineExceeded, isHeadSent: true))
    }

    func nextChunk() async throws -> ByteBuffer? {
        guard let reader = reader.withLock({ $0 }) else {
            throw MeshError(.connectionClosed, origin: .local, requestState: .answered, message: "the exchange is over")
        }
        do {
            guard !deadline.isNever else { return try await reader.next() }
            return try await withThrowingTaskGroup(of: ByteBuffer?.self) { [clock, deadline] group in
                group.addTask { try await reader.next() }
                group.addTask {
                    try await clock.sleep(until: deadline.instant)
                    throw HTTPClientError.deadlineExceeded
                }
                defer { group.cancelAll() }
                return try await group.next() ?? nil
            }
        } catch {
            throw Self.failure(error)
        }
    }

    func finish() {
        // AsyncHTTPClient cancels an exchange whose body nobody can read any more.
        reader.withLock { $0 = nil }
        pipe.close(CancellationError())
    }

    private static func failure(_ error: any Error) -> MeshError {
        var failure = MeshError(error, isHeadSent: true)
        failure.requestState = .answered
        return failure
    }
}

/// The one iterator of a response's body.
///
/// Unchecked: a response's body is iterated by one task at a time, which `ResponseBody` asks of its reader.
private final class BodyReader: @unchecked Sendable {
    private var iterator: HTTPClientResponse.Body.AsyncIterator

    init(_ body: HTTPClientResponse.Body) {
        self.iterator = body.makeAsyncIterator()
    }

    @concurrent
    func next() async throws -> ByteBuffer? {
        try await iterator.next()
    }
}
