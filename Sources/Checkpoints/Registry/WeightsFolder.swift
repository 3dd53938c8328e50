import AviaryArchives
import AviaryDiagnostics

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Weights that are shipped with the package, as `Weights/manifest.json` lists them.
public struct ShippedWeights: Sendable, Equatable {
  /// By which commands know them.
  public let name: String
  /// The file's name in the folder.
  public let file: String
  /// The name of its network.
  public let architecture: String
  /// The licence of the weights.
  public let licence: String?
  /// The file's size in bytes.
  public let bytes: Int?
  /// The file's SHA-256, in hexadecimal digits.
  public let sha256: String?
  /// Everything that the manifest says of them.
  public let description: JSONValue
}

/// The folder of shipped weights.
public struct WeightsFolder: Sendable {
  /// Where the folder lies.
  public let path: String
  /// The weights that the manifest lists.
  public let weights: [ShippedWeights]

  /// Reads `manifest.json` of the folder.
  public init(_ path: String) throws(WeightsFault) {
    self.path = path
    let manifest = path + "/manifest.json"
    guard let file = try? MappedFile(path: manifest, map: false) else { throw .noManifest(path: path) }
    let content: JSONValue
    do throws(JSONValue.Fault) {
      content = try JSONValue(parsing: file.bytes.array())
    } catch {
      throw .badManifest(path: manifest, reason: "at byte \(error.offset): \(error.reason)")
    }
    guard let listed = content["weights"]?.elements else {
      throw .badManifest(path: manifest, reason: "it has no list 'weights'")
    }
    var weights: [ShippedWeights] = []
    for entry in listed {
      guard let name = entry["name"]?.text, let file = entry["file"]?.text,
        let architecture = entry["architecture"]?.text
      else { throw .badManifest(path: manifest, reason: "an entry without name, file or architecture") }
      // The file lies in the folder and nowhere else.
      guard !file.isEmpty, !file.contains("/"), file != ".." else {
        throw .badManifest(path: manifest, reason: "'\(file)' is not the name of a file in the folder")
      }
      weights.append(
        ShippedWeights(
          name: name, file: file, architecture: architecture, licence: entry["licence"]?.text,
          bytes: entry["bytes"]?.integer, sha256: entry["sha256"]?.text, description: entry))
    }
    self.weights = weights
  }

  /// The folder to use: the one given, that of `$AVIARY_WEIGHTS`, the one beside the executable, or that of the package
  /// the executable was built in; nil where there is none of these.
  public static func find(
    given: String? = nil, environment: [String: String] = ProcessInfo.processInfo.environment,
    executable: String = executablePath
  ) throws(WeightsFault) -> WeightsFolder? {
    if let named = given ?? environment["AVIARY_WEIGHTS"], !named.isEmpty { return try WeightsFolder(named) }
    var folder = parent(of: executable)
    let beside = folder + "/Weights"
    if FileSystem.exists(beside + "/manifest.json") { return try WeightsFolder(beside) }
    while !folder.isEmpty {
      if FileSystem.exists(folder + "/Package.swift") {
        let path = folder + "/Weights"
        return FileSystem.exists(path + "/manifest.json") ? try WeightsFolder(path) : nil
      }
      folder = parent(of: folder)
    }
    return nil
  }

  /// Where the running program lies.
  public static var executablePath: String {
    let called = PathText.arguments.first ?? ""
    return FileSystem.executable ?? FileSystem.resolved(called) ?? called
  }

  /// The path without its last component; empty for the root and for what has one component.
  private static func parent(of path: String) -> String {
    path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
  }

  /// The path of a checkpoint that somebody names: a file, the folder of a run, which stands for its `best.h5`, or
  /// shipped weights.
  public static func checkpointPath(_ named: String, given: String? = nil) throws(WeightsFault) -> String {
    let best = named + (named.hasSuffix("/") ? "" : "/") + "best.h5"
    if FileSystem.exists(best) { return best }
    if let fault = runWithoutBest(named) { throw fault }
    // What looks like a path is one, so that a file's absence is told as such.
    if named.contains("/") || FileSystem.exists(named) { return named }
    let folder = try find(given: given)
    guard let weights = folder?.weights.first(where: { $0.name == named }), let folder else {
      if named.contains(".") { return named }
      throw .unknown(name: named, known: folder?.weights.map(\.name) ?? [])
    }
    let path = folder.path + "/" + weights.file
    guard let size = FileSystem.status(path)?.size else { throw .missingFile(name: named, path: path) }
    if let bytes = weights.bytes, bytes != size { throw .wrongSize(path: path, bytes: size, expected: bytes) }
    return path
  }
}

extension WeightsFolder {
  /// What to say of the folder of a run that has no best weights; nil for anything else.
  private static func runWithoutBest(_ path: String) -> WeightsFault? {
    guard FileSystem.isFolder(path), let names = try? FileSystem.names(in: path) else { return nil }
    let runs = names.filter { FileSystem.exists("\(path)/\($0)/best.h5") }
    if names.contains("options.json"), let first = runs.min() { return .manyRuns(path: path, first: first) }
    guard names.contains("options.json") || names == [".lock"] else { return nil }
    return .unfinishedRun(path: path, hasLast: names.contains("last.h5"))
  }
}

/// A way in which shipped weights cannot be found.
public enum WeightsFault: Error, Equatable, CustomStringConvertible {
  /// The folder has no manifest.
  case noManifest(path: String)
  /// The manifest is not what one looks like.
  case badManifest(path: String, reason: String)
  /// No file and no shipped weights have this name.
  case unknown(name: String, known: [String])
  /// The folder is that of a run that has saved no best weights.
  case unfinishedRun(path: String, hasLast: Bool)
  /// The folder is that of several runs.
  case manyRuns(path: String, first: String)
  /// The manifest lists a file that is not there.
  case missingFile(name: String, path: String)
  /// The file is not the one that the manifest lists.
  case wrongSize(path: String, bytes: Int, expected: Int)

  public var description: String {
    switch self {
    case .noManifest(let path): "\(path): not a folder of weights: manifest.json is missing"
    case .badManifest(let path, let reason): "\(path): damaged: \(reason)"
    case .unknown(let name, let known):
      known.isEmpty
        ? "\(name): no such file, and no shipped weights were found; give their folder with --weights"
        : "\(name): no such file or shipped weights; "
          + (nearestName(to: name, among: known).map { "did you mean '\($0)'? " } ?? "")
          + "the shipped weights are \(known.joined(separator: ", "))"
    case .unfinishedRun(let path, let hasLast):
      "\(path): holds no checkpoint: training did not get that far"
        + (hasLast ? "; its last weights are \(path)/last.h5" : "")
    case .manyRuns(let path, let first): "\(path): holds several runs; name one of them, such as \(path)/\(first)"
    case .missingFile(let name, let path): "\(path): no such file, though the manifest lists it as '\(name)'"
    case .wrongSize(let path, let bytes, let expected):
      "\(path): has \(bytes) bytes, the manifest says \(expected); download the file again"
    }
  }
}
