// SPDX-License-Identifier: Apache-2.0
// Part of swift-service-mesh.

/// Why a token does not pass, with Envoy's numbers and words (`JwtVerify::Status`), which callers read in the answer.
///
/// The words say nothing of a token's content.
public enum TokenFailure: Int, Error, Hashable, Sendable, CaseIterable {
    /// There is none.
    case missing = 1
    /// Its `nbf` is in the future.
    case notYetValid
    /// Its `exp` has passed.
    case expired
    /// It has not three parts.
    case badFormat
    /// Its header is no base 64.
    case headerBadBase64
    /// Its header is no JSON object.
    case headerBadJSON
    /// Its header has no algorithm.
    case headerBadAlgorithm
    /// Its algorithm is none that this library knows, `none` among them.
    case algorithmNotSupported
    /// Its key's name is no text.
    case headerBadKeyName
    /// Its payload is no base 64.
    case payloadBadBase64
    /// Its payload is no JSON object.
    case payloadBadJSON
    /// Its issuer is no text.
    case issuerNotText
    /// Its subject is no text.
    case subjectNotText
    /// Its `iat` is no number.
    case issuedAtNotNumber
    /// Its `iat` is negative or too large.
    case issuedAtOutOfRange
    /// Its `nbf` is no number.
    case notBeforeNotNumber
    /// Its `nbf` is negative or too large.
    case notBeforeOutOfRange
    /// Its `exp` is no number.
    case expirationNotNumber
    /// Its `exp` is negative or too large.
    case expirationOutOfRange
    /// Its `jti` is no text.
    case nameNotText
    /// Its audience is neither a text nor a list of texts.
    case audienceNotText
    /// Its signature is no base 64.
    case signatureBadBase64
    /// Its Ed25519 signature has not 64 bytes.
    case signatureWrongLength
    /// No provider has its issuer.
    case unknownIssuer
    /// None of its audiences is allowed.
    case audienceNotAllowed
    /// Its signature is not of the key, or its subject or lifetime is not allowed.
    case verificationFailed
    /// The provider has no key that could be used.
    case noValidKeys = 32
    /// The provider has no key of the token's name and algorithm.
    case noMatchingKey = 33
    /// The provider's keys could not be fetched.
    case keysNotFetched = 41

    /// What the caller is told.
    public var message: String {
        switch self {
        case .missing: "Jwt is missing"
        case .notYetValid: "Jwt not yet valid"
        case .expired: "Jwt is expired"
        case .badFormat: "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections"
        case .headerBadBase64: "Jwt header is an invalid Base64url encoded"
        case .headerBadJSON: "Jwt header is an invalid JSON"
        case .headerBadAlgorithm: "Jwt header [alg] field is required and must be a string"
        case .algorithmNotSupported: "Jwt header [alg] is not supported"
        case .headerBadKeyName: "Jwt header [kid] field is not a string"
        case .payloadBadBase64: "Jwt payload is an invalid Base64url encoded"
        case .payloadBadJSON: "Jwt payload is an invalid JSON"
        case .issuerNotText: "Jwt payload [iss] field is not a string"
        case .subjectNotText: "Jwt payload [sub] field is not a string"
        case .issuedAtNotNumber: "Jwt payload [iat] field is not an integer"
        case .issuedAtOutOfRange: "Jwt payload [iat] field is not a positive 64 bit integer"
        case .notBeforeNotNumber: "Jwt payload [nbf] field is not an integer"
        case .notBeforeOutOfRange: "Jwt payload [nbf] field is not a positive 64 bit integer"
        case .expirationNotNumber: "Jwt payload [exp] field is not an integer"
        case .expirationOutOfRange: "Jwt payload [exp] field is not a positive 64 bit integer"
        case .nameNotText: "Jwt payload [jti] field is not a string"
        case .audienceNotText: "Jwt payload [aud] field is not a string or string list"
        case .signatureBadBase64: "Jwt signature is an invalid Base64url encoded"
        case .signatureWrongLength: "Jwt ED25519 signature is wrong length"
        case .unknownIssuer: "Jwt issuer is not configured"
        case .audienceNotAllowed: "Audiences in Jwt are not allowed"
        case .verificationFailed: "Jwt verification fails"
        case .noValidKeys: "Jwks doesn't have any valid public key"
        case .noMatchingKey: "Jwks doesn't have key to match kid or alg from Jwt"
        case .keysNotFetched: "Jwks remote fetch is failed"
        }
    }

    /// The HTTP status of the answer: 403 where the token is good and meant for others, 401 otherwise, as Envoy's.
    public var httpStatus: Int { self == .audienceNotAllowed ? 403 : 401 }
}
