#if canImport(CryptoKit)
  import CryptoKit
#endif

/// A hash of bytes by the system's own library: OpenSSL's libcrypto, which Foundation's networking needs on Linux anyway, or
/// CryptoKit.
@safe public final class Digest {
  /// The hash functions that files are published with.
  public enum Algorithm: String, Sendable, CaseIterable {
    case sha256, sha1, md5

    /// For a person.
    public var name: String {
      switch self {
      case .sha256: "SHA-256"
      case .sha1: "SHA-1"
      case .md5: "MD5"
      }
    }
  }

  #if canImport(CryptoKit)
    private var function: any HashFunction

    public init(_ algorithm: Algorithm) throws(LibraryFault) {
      function =
        switch algorithm {
        case .sha256: SHA256()
        case .sha1: Insecure.SHA1()
        case .md5: Insecure.MD5()
        }
    }

    /// Adds bytes at the end.
    public func update(_ bytes: ByteRegion) { unsafe bytes.withPointer { unsafe function.update(bufferPointer: $0) } }

    /// The hash in hexadecimal digits. Nothing may be added after it.
    public func finish() -> String { function.finalize().map { Self.digits($0) }.joined() }
  #else
    /// libcrypto of OpenSSL 3 or 1.1.
    public static let library = OptionalLibrary(
      "libcrypto", files: ["libcrypto.so.3", "libcrypto.so.1.1"], package: "libssl3")

    private typealias Named = @convention(c) (UnsafePointer<CChar>?) -> OpaquePointer?
    private typealias Make = @convention(c) () -> OpaquePointer?
    private typealias Free = @convention(c) (OpaquePointer?) -> Void
    private typealias Begin = @convention(c) (OpaquePointer?, OpaquePointer?, OpaquePointer?) -> Int32
    private typealias Update = @convention(c) (OpaquePointer?, UnsafeRawPointer?, Int) -> Int32
    private typealias Finish =
      @convention(c) (OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt32>?) -> Int32

    private let context: OpaquePointer?
    private let free: Free
    private let add: Update
    private let end: Finish

    /// - Throws: `LibraryFault` where the library is not installed, or does not have the function, as one that is
    ///   restricted to approved ones does not have MD5.
    public init(_ algorithm: Algorithm, _ library: OptionalLibrary = Digest.library) throws(LibraryFault) {
      let named: Named = unsafe try library.function("EVP_get_digestbyname")
      let make: Make = unsafe try library.function("EVP_MD_CTX_new")
      let begin: Begin = unsafe try library.function("EVP_DigestInit_ex")
      unsafe free = try library.function("EVP_MD_CTX_free")
      unsafe add = try library.function("EVP_DigestUpdate")
      unsafe end = try library.function("EVP_DigestFinal_ex")
      unsafe context = make()
      guard let function = unsafe algorithm.rawValue.withCString({ unsafe named($0) }),
        unsafe begin(context, function, nil) == 1
      else {
        throw .noFunction(library: library.name, function: algorithm.name, package: library.package)
      }
    }

    deinit { unsafe free(context) }

    /// Adds bytes at the end.
    public func update(_ bytes: ByteRegion) {
      unsafe bytes.withPointer { _ = unsafe add(context, $0.baseAddress, $0.count) }
    }

    /// The hash in hexadecimal digits. Nothing may be added after it.
    public func finish() -> String {
      // EVP_MAX_MD_SIZE
      var bytes = [UInt8](repeating: 0, count: 64)
      var count: UInt32 = 0
      _ = unsafe bytes.withUnsafeMutableBufferPointer { unsafe end(context, $0.baseAddress, &count) }
      return bytes.prefix(Int(count)).map { Self.digits($0) }.joined()
    }
  #endif

  private static func digits(_ byte: UInt8) -> String { (byte < 16 ? "0" : "") + String(byte, radix: 16) }
}

extension Digest {
  /// The hash of these bytes, in hexadecimal digits.
  public static func of(_ bytes: some Sequence<UInt8>, by algorithm: Algorithm) throws(LibraryFault) -> String {
    let digest = try Digest(algorithm)
    digest.update(ByteRegion(Array(bytes)))
    return digest.finish()
  }

  /// The hash of a file, which is read in pieces.
  ///
  /// - Parameter heading: bytes that are hashed before the file's.
  public static func of(
    file path: String, by algorithm: Algorithm, heading: [UInt8] = []
  ) throws -> String {
    let digest = try Digest(algorithm)
    digest.update(ByteRegion(heading))
    let file = try MappedFile(path: path, access: .pieces)
    let bytes = file.bytes
    var offset = 0
    while let piece = bytes.part(from: offset, count: min(4 << 20, bytes.count - offset)), piece.count > 0 {
      digest.update(piece)
      offset += piece.count
    }
    try file.requireIntact()
    return digest.finish()
  }
}
