import ArgumentParser
import Aviary
import AviaryHub

struct PullCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pull", abstract: "Fetch published weights or data into the cache, verified.",
    discussion: """
      NAME is a name of the table that --list prints, such as resnet18-imagenet or data:fashion-mnist; a repository of the \
      Hugging Face hub, hf:OWNER/NAME[@REVISION][/FILE]; or an address, https://HOST/FILE, perhaps with #sha256=DIGITS. All \
      commands that take a checkpoint take these names, too, and --data takes those of data.

      A download that broke off is resumed. A file is there only when its length and the published hash of its bytes have \
      been verified. The cache is $AVIARY_CACHE, else $XDG_CACHE_HOME/aviary, else ~/.cache/aviary. Further tables are read \
      from the file that $AVIARY_TABLE names, one JSON object on each line. Proxies are those of http_proxy, https_proxy \
      and no_proxy.
      """)

  @Argument(help: ArgumentHelp("What to fetch.", valueName: "name")) var names: [String] = []
  @Flag(help: "List what is published under names, as its publishers describe it.") var list = false
  @Flag(help: "Allow addresses of other machines without encryption (http://).") var allowHttp = false
  @Option(help: ArgumentHelp("Give up when a server sends nothing for so long.", valueName: "seconds"))
  var timeout = 60
  @Flag(help: "Print one JSON object.") var json = false
  @OptionGroup var offline: OfflineOption
  @OptionGroup var console: ConsoleOptions

  func validate() throws {
    try checkOption("--timeout", timeout, in: 1...86_400)
    if names.isEmpty, !list {
      throw ValidationError("give the name of what to fetch; --list prints those of the tables")
    }
    for name in names {
      do throws(PullFault) { _ = try PullAddress(name, allowsHTTP: allowHttp) } catch {
        throw ValidationError("\(error)")
      }
    }
  }

  func run() throws {
    var puller = try offline.puller()
    puller.allowsHTTP = allowHttp
    puller.patience = timeout
    puller.verifiesCache = true
    if list { return printTable(puller.table) }
    var results: [JSONValue] = []
    for name in names {
      let pulled = try puller.pull(name, refreshes: !puller.isOffline)
      if !json { lines(name, pulled).forEach(show) }
      if pulled.entry == nil { for note in Self.notes(onFileAt: pulled.path) { tell("\(name): \(note)") } }
      results.append(object(name, pulled))
    }
    if json { printJSON(JSONValue.members(["pulled": .array(results)])) }
  }

  /// What is to be known of weights under the names of a hub; later commands do not repeat it.
  static func notes(onFileAt path: String) -> [String] {
    guard let checkpoint = try? Checkpoint.read(from: path) else { return [] }
    let known = try? AviaryCommand.registry.recognized(checkpoint, path: path)
    return (known?.checkpoint ?? checkpoint).notes
  }

  private func lines(_ name: String, _ pulled: Pulled) -> [String] {
    let bytes = pulled.files.reduce(0) { $0 + $1.bytes }
    var hashes: [String] = []
    for file in pulled.files {
      let name = file.hash?.name ?? "no published hash"
      if !hashes.contains(name) { hashes.append(name) }
    }
    var text =
      "\(name): \(pulled.path), \(grouped(bytes)) bytes"
      + (pulled.files.count > 1 ? " in \(counted(pulled.files.count, "file"))" : "") + ", "
      + (pulled.wasCached ? "was in the cache" : "fetched")
    text += "; verified: " + hashes.joined(separator: ", ")
    if let entry = pulled.entry { text += "; licence: \(entry.licence ?? "not stated by the publisher")" }
    return [text]
  }

  private func object(_ name: String, _ pulled: Pulled) -> JSONValue {
    .members([
      "name": .text(name), "path": .text(pulled.path), "cached": .boolean(pulled.wasCached),
      "licence": pulled.entry?.licence.map { .text($0) } ?? .null,
      "files": .array(
        pulled.files.map { file in
          .members([
            "path": .text(file.path), "bytes": .integer(file.bytes), "cached": .boolean(file.wasCached),
            "hash": file.hash.map { .text($0.name) } ?? .null, "digits": file.hash.map { .text($0.digits) } ?? .null,
          ])
        }),
    ])
  }

  private func printTable(_ entries: PublishedTable) {
    if json {
      printJSON(JSONValue.members(["published": .array(entries.entries.map(\.row))]))
      return
    }
    let rows = entries.entries.map { entry -> [String] in
      let bytes = entry.files.compactMap { $0.bytes ?? $0.roughBytes }.reduce(0, +)
      return [
        entry.name, entry.alias ?? "-", entry.isData ? "data" : entry.architecture ?? "-",
        bytes > 0 ? Puller.megabytes(bytes) : "-", entry.metrics["imagenet_top1_percent"].map { fixed($0, 1) } ?? "-",
        entry.files.first?.hash?.name ?? "-", entry.licence ?? "not stated",
      ]
    }
    table([["name", "also", "network", "size", "top-1 %", "published hash", "licence"]] + rows, right: [3, 4]).forEach(
      show)
    show("sizes, accuracies and hashes are the publishers'; none of the files was fetched when the table was made")
  }
}
