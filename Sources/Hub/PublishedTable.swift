import AviaryArchives
import AviaryCheckpoints
import AviaryDiagnostics
import Foundation

/// What is published under names: Aviary's own tables, and further ones.
public struct PublishedTable: Sendable {
  /// The entries, in the order of the table.
  public private(set) var entries: [PublishedEntry]

  /// torchvision's weights for classification, Keras's applications, and the data sets of courses.
  public static let own: PublishedTable = {
    let lists = ["imagenet-1k": ImageNet.names]
    let texts = [PublishedWeights.torchvisionRows, PublishedWeights.kerasRows, PublishedWeights.dataRows]
    do throws(PullFault) {
      var found: [PublishedEntry] = []
      for text in texts { found += try entries(Array(text.utf8), path: "Aviary's own table", lists: lists) }
      return PublishedTable(entries: found)
    } catch { stopProgram("\(error)") }
  }()

  /// A table of these entries.
  public init(entries: [PublishedEntry]) { self.entries = entries }

  /// Reads a table: a JSON object on each line, as those in `Sources/Hub/Tables`.
  public init(path: String) throws(PullFault) {
    let bytes = try withFiles { () throws(ArchiveFault) in try MappedFile(path: path, map: false) }.bytes
    guard bytes.count <= 64 << 20 else { throw .tooLarge(address: path, limit: 64 << 20) }
    entries = try Self.entries(bytes.array(), path: path)
  }

  /// Aviary's own, after those of the file that `$AVIARY_TABLE` names.
  public static func standard(
    _ environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(PullFault) -> PublishedTable {
    guard let path = environment["AVIARY_TABLE"], !path.isEmpty else { return own }
    return PublishedTable(entries: try PublishedTable(path: path).entries + own.entries)
  }

  /// What is published under a name, or as its alias.
  public subscript(name: String) -> PublishedEntry? {
    entries.first { $0.name.isExactly(name) } ?? entries.first { $0.alias?.isExactly(name) ?? false }
  }

  /// Every name by which something is known.
  public var names: [String] { entries.flatMap { [$0.alias, $0.name].compactMap { $0 } } }

  /// The names of weights for a network.
  public func names(forArchitecture architecture: String) -> [String] {
    entries.filter { $0.architecture == architecture }.map { $0.alias ?? $0.name }
  }

  /// The rows of a table.
  package static func entries(
    _ text: [UInt8], path: String, lists: [String: [String]] = [:]
  ) throws(PullFault) -> [PublishedEntry] {
    var entries: [PublishedEntry] = []
    for (index, line) in text.split(separator: UInt8(ascii: "\n")).enumerated() where !line.allSatisfy({ $0 <= 0x20 }) {
      let reason: String
      do {
        entries.append(try PublishedEntry(try JSONValue(parsing: line), lists: lists))
        continue
      } catch let fault as JSONValue.Fault {
        reason = fault.reason
      } catch let fault as PublishedEntry.Fault {
        reason = fault.reason
      } catch { reason = "\(error)" }
      throw .badListing(address: path, reason: "row \(index + 1): \(reason)")
    }
    return entries
  }
}

/// The texts of Aviary's own tables.
enum PublishedWeights {}
