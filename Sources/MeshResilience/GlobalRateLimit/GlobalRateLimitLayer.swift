// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

/// Asks a rate limit service about each request before it goes on. It stands outside the retries: a request counts once,
/// however many attempts it takes.
public struct GlobalRateLimitLayer<Base: Transport, Source: RateLimitQuestionSource>: Transport
where Base.Request: RequestHead, Base.Response: ResponseHead {
    @usableFromInline let base: Base
    @usableFromInline let source: Source

    /// Creates the layer.
    public init(_ base: Base, source: Source) {
        self.base = base
        self.source = source
    }

    /// Sends if the service lets the request pass; never waits for it longer than its timeout.
    @inlinable
    public func send(_ request: Base.Request, context: inout CallContext) async throws -> Base.Response {
        guard let question = source.question(for: request, context: context) else {
            return try await base.send(request, context: &context)
        }
        context.timePassed()
        let passage: GlobalRateLimiter.Passage
        do {
            passage = try await question.limiter.ask(question, until: context.deadline)
        } catch let error as MeshError {
            let context = context
            throw question.limiter.adapted(error, to: request) { reply in
                source.refused(&reply, request: request, context: context)
            }
        }
        if !passage.metadata.isEmpty {
            context.noteMetadata(passage.metadata, of: question.limiter.configuration.metadataNamespace)
        }
        var request = request
        for header in passage.requestHeaders { request.appendValue(header.value, for: header.name) }
        do {
            var response = try await base.send(request, context: &context)
            for header in passage.responseHeaders { response.appendValue(header.value, for: header.name) }
            return response
        } catch var error as MeshError {
            // An answer of the mesh itself passes the filters as one of the upstream does.
            for header in passage.responseHeaders { error.localReply?.appendValue(header.value, for: header.name) }
            throw error
        }
    }

    /// Ends the exchange.
    @inlinable
    public func finish(_ context: inout CallContext, _ ending: ExchangeEnding) {
        base.finish(&context, ending)
    }
}
