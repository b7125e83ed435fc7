// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Takes encoded spans to where they are kept or analysed.
///
/// An implementer guarantees that `export` returns when the request was handed over for good and throws when it was
/// not; the spans are counted as lost then and not offered again. It is called from `OTLPTracer.run` and `flush`, at
/// times concurrently. The last call of `run` comes after its task was cancelled: an implementer that observes
/// cancellation loses the last spans.
public protocol SpanExporter: Sendable {
    /// Exports one request.
    /// - Parameter request: An `ExportTraceServiceRequest` in OTLP's JSON encoding: UTF-8 on one line, without a line
    ///   break. It can be written as a line of a file or posted as it is, as `application/json`, to `/v1/traces`.
    func export(_ request: [UInt8]) async throws
}
