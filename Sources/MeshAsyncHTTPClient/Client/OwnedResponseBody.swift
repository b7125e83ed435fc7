// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

import MeshCore
import MeshHTTP
import NIOCore
import Synchronization

/// A response's body that outlives the call that made it, and ends its exchange: at its end, where it breaks off, or
/// when nobody holds it any more.
struct OwnedResponseBody: AsyncSequence, Sendable {
    typealias Element = ByteBuffer

    private let body: ResponseBody
    private let owner: ExchangeOwner?

    /// - Parameter owner: Ends the exchange; `nil` if there is none to end.
    init(_ body: ResponseBody, owner: ExchangeOwner?) {
        self.body = body
        self.owner = owner
    }

    /// Reads the whole body into memory and ends the exchange.
    func collect(upTo limit: Int) async throws -> ByteBuffer {
        do {
            let whole = try await body.collect(upTo: limit)
            owner?.finish(.completed)
            return whole
        } catch {
            owner?.finish(ExchangeEnding(error: error))
            throw error
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(iterator: body.makeAsyncIterator(), owner: owner)
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate var iterator: ResponseBody.AsyncIterator
        fileprivate let owner: ExchangeOwner?

        mutating func next() async throws -> ByteBuffer? {
            do {
                let chunk = try await iterator.next()
                if chunk == nil { owner?.finish(.completed) }
                return chunk
            } catch {
                owner?.finish(ExchangeEnding(error: error))
                throw error
            }
        }
    }
}

/// Ends an exchange exactly once, at the latest when it is dropped.
final class ExchangeOwner: Sendable {
    private let stack: HTTPStack
    private let context: Mutex<CallContext?>

    init(_ stack: HTTPStack, _ context: CallContext) {
        self.stack = stack
        self.context = Mutex(context)
    }

    deinit {
        // Its reader wanted no more of it.
        finish(.completed)
    }

    func finish(_ ending: ExchangeEnding) {
        guard var context = context.withLock({ $0.take() }) else { return }
        stack.finish(&context, ending)
    }
}
