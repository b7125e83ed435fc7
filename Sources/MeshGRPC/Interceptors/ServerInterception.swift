// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import GRPCCore
import MeshCore
import Synchronization

/// Work around a whole RPC: its handler, and the messages that are written after that has returned.
///
/// `end` is called once, whatever becomes of the RPC: also where its response is thrown away unwritten.
final class ServerInterception: Sendable {
    private let isEnded = Atomic<Bool>(false)
    private let end: @Sendable (RPCError?) -> Void

    init(end: @escaping @Sendable (RPCError?) -> Void) {
        self.end = end
    }

    deinit {
        ended(RPCError(code: .cancelled, message: "the response was not written"))
    }

    private func ended(_ error: RPCError?) {
        guard !isEnded.exchange(true, ordering: .relaxed) else { return }
        end(error)
    }

    /// Runs the handler, and later what writes its messages, each inside `body`.
    /// - Throws: What the handler throws, as `RPCError`.
    func around<Output: Sendable>(
        _ handler: @escaping @Sendable () async throws -> StreamingServerResponse<Output>,
        scope: ServerScope = ServerScope()
    ) async throws -> StreamingServerResponse<Output> {
        var response: StreamingServerResponse<Output>
        do {
            response = try await scope.run(handler)
        } catch {
            let error = RPCError(mapping: error)
            ended(error)
            throw error
        }
        switch response.accepted {
        case .failure(let error):
            ended(error)
        case .success(var contents):
            let produce = contents.producer
            contents.producer = { writer in
                do {
                    let trailers = try await scope.run { try await produce(writer) }
                    self.ended(nil)
                    return trailers
                } catch {
                    let error = RPCError(mapping: error)
                    self.ended(error)
                    throw error
                }
            }
            response.accepted = .success(contents)
        }
        return response
    }
}

/// What stands around each part of a handler's work: the context that calls inherit, and the time that it may take.
struct ServerScope: Sendable {
    var inbound: InboundContext?
    var deadline = Deadline.never
    var clock: any MeshClock = SystemClock()

    /// - Throws: What `body` throws; `RPCError` with code `deadlineExceeded`, once the body has ended its cancellation.
    func run<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        guard let inbound else { return try await limited(body) }
        return try await InboundContext.$current.withValue(inbound) { try await limited(body) }
    }

    private func limited<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        guard !deadline.isNever else { return try await body() }
        return try await withThrowingTaskGroup(of: Value.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await body() }
            group.addTask {
                try await clock.sleep(until: deadline.instant)
                throw RPCError(code: .deadlineExceeded, message: "the deadline passed before the handler was done")
            }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }
}
