// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension StreamDurationLimit {
    /// How long a request's stream may last; `nil` for as long as it likes. Zero lets it end at once.
    ///
    /// A `grpc-timeout` that is heeded takes the place of `maximum`: it is bounded, and the offset is taken off; what then
    /// is left of it may be nothing.
    /// - Parameters:
    ///   - request: The request; its `grpc-timeout` counts whatever its content is.
    ///   - fallback: What holds where the route has no `maximum`: the listener's limit; zero and `nil` for none.
    public func limit(for request: some RequestHead, fallback: Nanoseconds? = nil) -> Nanoseconds? {
        guard let maximumOfHeader, let text = request.value(of: TimeoutHeaders.grpc),
            var timeout = TimeoutHeaders.grpcTimeout(text)
        else {
            let limit = maximum ?? fallback ?? .zero
            return limit == .zero ? nil : limit
        }
        if maximumOfHeader != .zero { timeout = min(timeout, maximumOfHeader) }
        return Nanoseconds(rawValue: timeout.rawValue - min(timeout.rawValue, headerOffset.rawValue))
    }

    /// How long a call may last that one of gRPC's own clients makes, beside its own deadline (gRFC A31): what is set for
    /// the header counts whether the caller has a deadline or not, zero means no limit, and the offset is a proxy's.
    public var limitOfCall: Nanoseconds? {
        let limit = maximumOfHeader ?? maximum ?? .zero
        return limit == .zero ? nil : limit
    }

    /// Tells a gRPC upstream the limit in `grpc-timeout`; without one the caller's is taken away, since nobody keeps it.
    public static func announce(_ limit: Nanoseconds?, in request: inout some RequestHead) {
        guard let limit else {
            request.removeValues(of: TimeoutHeaders.grpc)
            return
        }
        request.setValue(grpcTimeout(limit), for: TimeoutHeaders.grpc)
    }

    /// In milliseconds, as Envoy writes it, and in a greater unit only where eight digits do not hold them.
    private static func grpcTimeout(_ limit: Nanoseconds) -> String {
        var count = limit.rawValue / 1_000_000
        for (unit, next) in [("m", 1000), ("S", 60), ("M", 60)] as [(String, UInt64)] {
            if count <= 99_999_999 { return "\(count)\(unit)" }
            count /= next
        }
        return "\(min(count, 99_999_999))H"
    }
}
