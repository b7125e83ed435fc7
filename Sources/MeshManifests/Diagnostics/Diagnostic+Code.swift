// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

extension Diagnostic {
    /// What kind of thing a diagnostic is about. A code keeps its meaning; new ones may be added.
    ///
    /// `MM01…` are about files and YAML, `MM02…` about one manifest, `MM03…` about what manifests and workloads mean
    /// together, `MM04…` about successors, `MM05…` about what is worth knowing.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        /// The code, as `MM0101`.
        public let rawValue: String

        private init(_ rawValue: String) {
            self.rawValue = rawValue
        }

        /// The code, as `MM0101`.
        public var description: String { rawValue }

        /// The file is larger than the limit.
        public static let fileTooLarge = Code("MM0101")
        /// The file is not UTF-8.
        public static let invalidUTF8 = Code("MM0102")
        /// The file has a character that YAML does not allow.
        public static let controlCharacter = Code("MM0103")
        /// The file is not YAML, or only half of it was written.
        public static let invalidYAML = Code("MM0104")
        /// Mappings and sequences nest deeper than the limit.
        public static let nestingTooDeep = Code("MM0105")
        /// The file has more values than the limit, aliases counted as often as they are used.
        public static let tooManyValues = Code("MM0106")
        /// The file has more documents than the limit.
        public static let tooManyDocuments = Code("MM0107")
        /// A key stands twice in one mapping.
        public static let duplicateKey = Code("MM0108")
        /// A key is not plain text.
        public static let invalidKey = Code("MM0109")
        /// A tag that manifests do not use.
        public static let unsupportedTag = Code("MM0110")

        /// A field that must be there is missing.
        public static let missingField = Code("MM0201")
        /// A kind that the mesh does not read; the manifest is skipped.
        public static let unknownKind = Code("MM0202")
        /// A version of a known kind that the mesh does not read.
        public static let unknownVersion = Code("MM0203")
        /// A field that the kind does not have.
        public static let unknownField = Code("MM0204")
        /// A value of another type than the field has.
        public static let wrongType = Code("MM0205")
        /// A value that the field may not have.
        public static let invalidValue = Code("MM0206")
        /// A span of time that is none.
        public static let invalidDuration = Code("MM0207")
        /// A regular expression that is none, or that cannot be matched in linear time.
        public static let invalidRegularExpression = Code("MM0208")
        /// Weights that cannot share traffic.
        public static let invalidWeights = Code("MM0209")
        /// A field that is known, not implemented, and harmless to leave out.
        public static let unsupportedField = Code("MM0210")
        /// A field that is known and not implemented, and whose absence would change what is allowed or where it goes.
        public static let refusedField = Code("MM0211")
        /// A setting that changes nothing.
        public static let noEffect = Code("MM0212")
        /// Two manifests have the same kind, namespace and name.
        public static let duplicateManifest = Code("MM0213")
        /// Fields that exclude each other.
        public static let conflictingFields = Code("MM0214")
        /// A condition of a Mixer rule that is none, or that the mesh does not understand.
        public static let invalidExpression = Code("MM0215")

        /// A host that no service has.
        public static let unknownHost = Code("MM0301")
        /// A subset that no DestinationRule of the host defines.
        public static let unknownSubset = Code("MM0302")
        /// A port that the service does not have.
        public static let unknownPort = Code("MM0303")
        /// Two manifests route one host; the first is in force.
        public static let competingRoutes = Code("MM0304")
        /// Two manifests set one policy of a host; the first is in force.
        public static let competingPolicies = Code("MM0305")
        /// A manifest that another one names does not exist.
        public static let unknownReference = Code("MM0306")
        /// A refusal hits workloads that it is not meant for, because they share an identity with those that it is.
        public static let sharedIdentity = Code("MM0307")
        /// No registered workload meets a condition.
        public static let noWorkload = Code("MM0308")
        /// A registered workload that cannot be used as it is.
        public static let unusableWorkload = Code("MM0309")
        /// Two manifests define one service; the first is in force.
        public static let competingServices = Code("MM0310")
        /// A rule that no request reaches.
        public static let unreachableRule = Code("MM0311")

        /// A kind that has a successor.
        public static let deprecatedKind = Code("MM0401")
        /// A field that has a successor.
        public static let deprecatedField = Code("MM0402")

        /// Rules that apply to a gateway only, and not to traffic between services.
        public static let gatewayOnly = Code("MM0501")
        /// Workloads that stay outside the mesh.
        public static let optedOut = Code("MM0502")
        /// A field whose meaning differs here.
        public static let differentMeaning = Code("MM0503")
    }
}
