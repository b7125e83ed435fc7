// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import Dispatch
public import NIOCore

extension MeshAsyncHTTPClient {
    /// Takes no more requests and closes the transport, if it is this client's own.
    /// - Returns: When it is done; fails with `HTTPClientError.alreadyShutdown` the second time.
    public func shutdown() -> EventLoopFuture<Void> {
        // Owned by the future, which whoever shuts down awaits.
        eventLoopGroup.any().makeFutureWithTask { try await self.shutdown() }
    }

    /// Takes no more requests and closes the transport, if it is this client's own.
    /// - Parameters:
    ///   - queue: Where `callback` is called.
    ///   - callback: Called when it is done, with the error if there was one.
    public func shutdown(queue: DispatchQueue = .global(), _ callback: @Sendable @escaping ((any Error)?) -> Void) {
        let done: EventLoopFuture<Void> = shutdown()
        done.whenComplete { result in
            queue.async {
                if case .failure(let error) = result { callback(error) } else { callback(nil) }
            }
        }
    }

    /// Shuts down and blocks the thread until it is done; never call it on an event loop.
    /// - Throws: `HTTPClientError.alreadyShutdown` the second time.
    @available(*, noasync, message: "syncShutdown() can block indefinitely, prefer shutdown()", renamed: "shutdown()")
    public func syncShutdown() throws {
        let done: EventLoopFuture<Void> = shutdown()
        try done.wait()
    }
}
