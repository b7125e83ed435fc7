// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

public import MeshCore

extension HealthCheck {
    /// Checks the bounds.
    /// - Throws: `ConfigurationError` with every bound that is broken.
    public func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        let spans: [(String, Nanoseconds?)] = [
            ("timeout", timeout), ("interval", interval), ("noTrafficInterval", noTrafficInterval),
            ("noTrafficHealthyInterval", noTrafficHealthyInterval), ("unhealthyInterval", unhealthyInterval),
            ("unhealthyEdgeInterval", unhealthyEdgeInterval), ("healthyEdgeInterval", healthyEdgeInterval),
        ]
        for case (let name, let span?) in spans {
            problems.require(span > .zero, name, "must be greater than 0")
        }
        switch kind {
        case .http(let http): _ = problems.nest("http") { () throws(ConfigurationError) in try http.validate() }
        case .grpc(let grpc): _ = problems.nest("grpc") { () throws(ConfigurationError) in try grpc.validate() }
        case .tcp(let tcp): _ = problems.nest("tcp") { () throws(ConfigurationError) in try tcp.validate() }
        }
        try problems.throwIfAny()
    }
}

extension HealthCheck.HTTP {
    /// Envoy's bound for lists of added fields.
    static let maximumFields = 1000
    /// Envoy's, but for CONNECT, which opens a tunnel.
    private static let methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"]

    fileprivate func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(!path.isEmpty, "path", "is empty")
        problems.require(path.isFieldValue, "path", "has a line break or NUL")
        problems.require(host.isFieldValue, "host", "has a line break or NUL")
        problems.require(
            Self.methods.contains(method),
            "method",
            "must be one of \(Self.methods.joined(separator: ", ")), is \"\(method)\""
        )
        problems.check(addedFields, "addedFields")
        for (position, name) in removedFields.enumerated() {
            problems.require(name.isValid, "removedFields[\(position)]", "is no name of a field, is \"\(name)\"")
        }
        for (field, ranges) in [("expectedStatuses", expectedStatuses), ("retriableStatuses", retriableStatuses)] {
            for (position, range) in ranges.enumerated() {
                problems.require(
                    !range.isEmpty && range.lowerBound >= 100 && range.upperBound <= 600,
                    "\(field)[\(position)]",
                    "must be from 100 to below 600 and not empty, is \(range)"
                )
            }
        }
        try problems.throwIfAny()
    }
}

extension HealthCheck.GRPC {
    /// Far more than any name has.
    private static let maximumServiceName = 4096

    fileprivate func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        problems.require(
            serviceName.utf8.count <= Self.maximumServiceName,
            "serviceName",
            "must be at most \(Self.maximumServiceName) bytes, has \(serviceName.utf8.count)"
        )
        problems.require(authority.isFieldValue, "authority", "has a line break or NUL")
        problems.check(metadata, "metadata")
        try problems.throwIfAny()
    }
}

extension HealthCheck.TCP {
    fileprivate func validate() throws(ConfigurationError) {
        var problems = ProblemCollector()
        for (position, part) in receive.enumerated() {
            problems.require(!part.isEmpty, "receive[\(position)]", "is empty")
        }
        for (name, count) in [("send", send.count), ("receive", receive.reduce(0) { $0 + $1.count })] {
            problems.require(
                count <= Self.maximumAnswer,
                name,
                "must be at most \(Self.maximumAnswer) bytes, has \(count)"
            )
        }
        try problems.throwIfAny()
    }
}

extension ProblemCollector {
    fileprivate mutating func check(_ fields: [HealthCheck.HTTP.Field], _ path: String) {
        let maximum = HealthCheck.HTTP.maximumFields
        require(fields.count <= maximum, path, "must have at most \(maximum) elements, has \(fields.count)")
        for (position, field) in fields.enumerated() {
            require(
                field.name.isValid && !field.name.isOfRequestLine,
                "\(path)[\(position)].name",
                "is no name of a field, is \"\(field.name)\""
            )
            require(field.value.isFieldValue, "\(path)[\(position)].value", "has a line break or NUL")
        }
    }
}

extension String {
    /// Whether it may be the value of a field: it has neither NUL nor a line break (Envoy's `HTTP_HEADER_VALUE`).
    fileprivate var isFieldValue: Bool {
        !utf8.contains { $0 == 0 || $0 == UInt8(ascii: "\r") || $0 == UInt8(ascii: "\n") }
    }
}
