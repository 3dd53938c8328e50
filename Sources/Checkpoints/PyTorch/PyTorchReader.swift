import AviaryArchives
import AviaryDiagnostics

/// Finds the tensors in what a PyTorch pickle describes.
struct PyTorchReader {
  let graph: PickleGraph
  let path: String
  var storages: PyTorchStorages
  /// The tensors of a tar archive, which its pickle refers to by key.
  var tarTensors = ExactDictionary<PyTorchFile.TarTensor>()
  /// Whether the file is a TorchScript archive, whose classes are its own.
  var isScript = false
  /// Storages that are bytes in the pickle, by the value that makes each.
  var embedded: [PickleGraph.Index: (dtype: Dtype, bytes: ByteRegion)] = [:]
  /// Whether storages may be described without being persistent references, as some tar archives have them.
  var storagesArePlain = false
  /// Bytes of tensors that had to be put together, which a few bytes of file could ask for without end.
  private var gathered = 0
  private var entries: [Checkpoint.Entry] = []
  private var facts: [String: String] = [:]
  private var notes: [String] = []
  /// Tensors of kinds that are not supported.
  private var unreadable: [Checkpoint.Unreadable] = []
  /// Values that were searched for tensors.
  private var searched: Set<PickleGraph.Index> = []
  /// Containers on the way to where the walk is, since a pickle may contain itself.
  private var open: Set<PickleGraph.Index> = []
  /// Values and pairs that were looked at, each as often as something refers to it. Containers that refer to one another
  /// twice each, or many times to a large one, would make a walk without end out of a small file.
  private var visits = 0
  private var visitLimit: Int { 1000 + 10 * graph.values.count }

  /// The entry that the weights are taken from; nil for the likeliest.
  private let weightsKey: String?

  init(graph: PickleGraph, path: String, storages: PyTorchStorages, weightsKey: String?) {
    self.weightsKey = weightsKey
    self.graph = graph
    self.path = path
    self.storages = storages
  }

  static let depthLimit = 64

  mutating func read(format: Checkpoint.Format) throws(CheckpointFault) -> Checkpoint {
    var root = graph.root
    // Trainers wrap what trainers before them wrapped.
    for _ in 0..<4 {
      guard moduleState(root) == nil, let pairs = members(root), let (key, inner) = container(in: pairs) else {
        break
      }
      if let name = className(root) { note("\(name): an object; its tensors were taken from '\(key)'") }
      facts["pytorch.key"] = (facts["pytorch.key"].map { $0 + "." } ?? "") + key
      for pair in pairs where pair.value != inner { note(pair, chosen: key) }
      root = inner
    }
    let module = moduleState(root)?.name
    noteRoot(root)
    try walk(root, name: "", depth: 0)
    if let weightsKey, !(facts["pytorch.key"] ?? "").split(separator: ".").contains(weightsKey[...]) {
      guard takeCopy(weightsKey) else {
        throw .unsupported(path: path, what: "has no weights under '\(weightsKey)', which --weights-key asks for")
      }
    }
    guard !entries.isEmpty else {
      if let first = unreadable.first {
        throw .unsupported(path: path, what: "tensor '\(first.path)' \(first.reason)")
      }
      if isScript {
        throw .unsupported(
          path: path,
          what: "a TorchScript archive whose weights are constants of its code (torch.jit.freeze); "
            + "save the model's own with torch.save(model.state_dict(), …)")
      }
      if let module { throw .wholeModule(path: path, module: module) }
      if let name = className(root) {
        throw .unsupported(
          path: path,
          what: "an object of class \(name) without tensors that can be read; "
            + "save its weights with torch.save(model.state_dict(), …)")
      }
      throw .noTensors(path: path)
    }
    if isScript { note("a TorchScript archive: its parameters and buffers were taken, its code was not") }
    if let module, !isScript {
      facts["pytorch.module"] = module
      notes.append("\(module): the code of the pickled module; its parameters and buffers were taken")
    }
    return try named(format)
  }

  /// Takes one of two copies of a network whose tensors lie side by side in one dictionary.
  private mutating func takeCopy(_ name: String) -> Bool {
    guard NetworkCopies.isName(name), let prefix = NetworkCopies.prefix(of: name, in: entries.map(\.path)) else {
      return false
    }
    let all = entries.count
    entries = entries.filter { $0.path.utf8.starts(with: prefix.utf8) }
      .map { Checkpoint.Entry(String(decoding: $0.path.utf8.dropFirst(prefix.utf8.count), as: UTF8.self), $0.array) }
    note("the weights were taken from '\(prefix.dropLast())'; \(all - entries.count) other tensors were not")
    facts["pytorch.key"] = (facts["pytorch.key"].map { $0 + "." } ?? "") + name
    return true
  }

  /// The checkpoint under the names that the model itself uses.
  private func named(_ format: Checkpoint.Format) throws(CheckpointFault) -> Checkpoint {
    var checkpoint = Checkpoint()
    checkpoint.format = format
    checkpoint.metadata.extra = facts
    checkpoint.notes = notes
    checkpoint.unreadable = unreadable
    let prefix = commonPrefix()
    if !prefix.isEmpty { checkpoint.metadata.extra[Self.prefixKey] = prefix }
    for entry in entries {
      if !prefix.isEmpty, entry.path == Self.averagingCounter {
        checkpoint.notes.append("\(entry.path): the counter of an average, which belongs to no layer")
        continue
      }
      let name = Self.unwrapped(entry.path, prefix: prefix)
      guard checkpoint.add(entry.array, at: name) else { throw .duplicateTensor(path: path, tensor: name) }
    }
    return checkpoint
  }

  /// A name without what wrappers put before it, and in it: torch.compile also wraps parts of a network.
  static func unwrapped(_ path: String, prefix: String) -> String {
    let rest = path.utf8.starts(with: prefix.utf8) ? path.dropFirst(prefix.count) : path[...]
    return rest.split(separator: ".", omittingEmptySubsequences: false).filter { $0 != "_orig_mod" }
      .joined(separator: ".")
  }

  /// Where the prefix that was left out of every name is kept.
  static let prefixKey = "pytorch.prefix"
  private static let averagingCounter = "n_averaged"

  /// What wrappers put before every name: DataParallel and AveragedModel `module.`, torch.compile `_orig_mod.`.
  private func commonPrefix() -> String {
    let names = entries.map(\.path).filter { $0 != Self.averagingCounter }
    var prefix = ""
    while !names.isEmpty {
      let next = ["module.", "_orig_mod."].first { candidate in
        names.allSatisfy { $0.hasPrefix(prefix + candidate) }
      }
      guard let next else { break }
      prefix += next
    }
    return prefix
  }

  // MARK: Containers

  /// Keys under which training scripts keep the weights, the likeliest first. An average over training steps (EMA) is
  /// what its authors evaluate, and comes before the weights it was made from where it has as many tensors.
  private static let containers = [
    "state_dict", "model_state_dict", "model_state", "model", "net", "network", "weights", "module", "shadow",
    "shadow_params", "teacher", "student", "online_network", "online",
  ]
  private static let averages = ["state_dict_ema", "model_ema", "ema_state_dict", "ema", "*_ema", "ema_*"]

  /// The dictionary among a training checkpoint's values that holds the weights. Tensors may stand beside it, such as the
  /// last loss.
  private mutating func container(in pairs: [PickleGraph.Pair]) -> (key: String, value: PickleGraph.Index)? {
    // Of a key that is set twice the last value counts.
    var values = ExactDictionary<PickleGraph.Index>()
    var keys: [String] = []
    for pair in pairs {
      guard let key = graph.text(pair.key) else { continue }
      if values.updateValue(pair.value, forKey: key) == nil { keys.append(key) }
    }
    func first(of patterns: [String], leastTensors: Int) -> (key: String, value: PickleGraph.Index)? {
      for wanted in patterns {
        let candidates =
          switch wanted {
          case "*_ema": keys.filter { $0.hasSuffix("_ema") }
          case "ema_*": keys.filter { $0.hasPrefix("ema_") }
          default: [wanted]
          }
        for key in candidates {
          guard let value = values[key] else { continue }
          if moduleState(value) != nil || tensorCount(value) >= leastTensors { return (key, value) }
        }
      }
      return nil
    }
    if let weightsKey, let asked = first(of: [weightsKey], leastTensors: 1) { return asked }
    let plain = first(of: Self.containers, leastTensors: 1)
    // An average of some of the weights, or a counter beside it, is no model.
    let least = plain.map { moduleState($0.value) == nil ? tensorCount($0.value) : 1 } ?? 1
    return first(of: Self.averages, leastTensors: max(1, least)) ?? plain
  }

  /// Whether a tensor, a storage or an array lies in a value, or in whatever it refers to. Each value is searched once, so
  /// that a pickle costs no more than its size.
  private mutating func reachesNumbers(_ index: PickleGraph.Index) -> Bool {
    var waiting = [index]
    var found = false
    while let next = waiting.popLast() {
      guard searched.insert(next).inserted else { continue }
      if holdsNumbers(next) {
        found = true
        continue
      }
      switch graph[next] {
      case .tuple(let elements), .list(let elements), .set(let elements): waiting += elements
      case .dictionary(let pairs): waiting += pairs.map(\.value)
      case .object(let object):
        waiting += object.elements + object.pairs.map(\.value) + [object.arguments]
        if let state = object.state { waiting.append(state) }
      default: break
      }
    }
    return found
  }

  /// Whether a value is a tensor, a storage or an array itself.
  private func holdsNumbers(_ index: PickleGraph.Index) -> Bool {
    if tensorCall(index) != nil || graph.isNumPyArray(index) { return true }
    return storage(index).map { StorageReference(graph, $0) != nil } ?? false
  }

  private mutating func note(_ text: String) { if notes.count < 1000 { notes.append(text) } }

  /// Keeps numbers and texts beside tensors, where a dictionary holds both.
  private mutating func noteRoot(_ root: PickleGraph.Index) {
    guard moduleState(root) == nil, facts["pytorch.key"] == nil, let pairs = graph.pairs(root) else { return }
    for pair in pairs.prefix(1000) where tensorCall(pair.value) == nil { note(pair, chosen: "") }
  }

  /// How many tensors lie in a dictionary and the dictionaries within.
  private mutating func tensorCount(_ index: PickleGraph.Index) -> Int {
    var count = 0
    // Each container once: a pickle may refer to one from many places.
    var seen: Set = [index]
    var level = [index]
    for _ in 0..<4 {
      var next: [PickleGraph.Index] = []
      for container in level {
        let pairs = graph.pairs(container) ?? []
        visits += pairs.count
        if visits > visitLimit { return 0 }
        for pair in pairs where seen.insert(pair.value).inserted {
          if tensorCall(pair.value) != nil {
            count += 1
          } else {
            next.append(pair.value)
          }
        }
      }
      level = next
    }
    return count
  }

  /// Keeps numbers and texts beside the weights, such as an epoch or an accuracy, and says of others that they are left.
  private mutating func note(_ pair: PickleGraph.Pair, chosen: String) {
    guard let key = graph.text(pair.key) else { return }
    if let fact = fact(pair.value) {
      facts[key] = fact
    } else if key == Self.modelArguments, let arguments = graph.pairs(pair.value) {
      for argument in arguments.prefix(100) {
        if let name = graph.text(argument.key), let fact = fact(argument.value) { facts["\(key).\(name)"] = fact }
      }
    } else if !chosen.isEmpty, moduleState(pair.value) != nil || reachesNumbers(pair.value) {
      notes.append("\(key): also has tensors; the weights were taken from '\(chosen)' (choose with --weights-key)")
    }
  }

  /// Where nanoGPT keeps what it builds a network from.
  private static let modelArguments = "model_args"

  /// A number or a short text. A tensor or an array that is a single number, such as a loss, is one, too.
  private mutating func fact(_ index: PickleGraph.Index) -> String? {
    switch graph[index] {
    case .integer(let value): return "\(value)"
    case .real(let value): return "\(value)"
    case .text(let text): return text.utf8.count < 4096 ? text : nil
    default: break
    }
    guard let call = tensorCall(index), let array = try? array(call, "a number"), array.shape.isEmpty else {
      return nil
    }
    return array.integers()?.first.map { "\($0)" } ?? array.doubles()?.first.map { "\($0)" }
  }

  // MARK: Modules

  /// The class of an object that is neither a dictionary nor a tensor.
  private func className(_ index: PickleGraph.Index) -> String? {
    guard case .object(let object) = graph[index], graph.pairs(index) == nil, tensorCall(index) == nil else {
      return nil
    }
    if let name = graph.globalName(object.callable), !name.hasPrefix("copy") { return name }
    let arguments = graph.elements(object.arguments) ?? []
    return arguments.prefix(8).compactMap { graph.globalName($0) }.first ?? "unknown class"
  }

  /// The items of a dictionary, or the attributes of an object that is not a module.
  private func members(_ index: PickleGraph.Index) -> [PickleGraph.Pair]? {
    if let pairs = graph.pairs(index) { return pairs }
    guard case .object(let object) = graph[index], tensorCall(index) == nil else { return nil }
    var pairs = object.pairs
    if let state = object.state {
      // A class with slots has its dictionary, or nothing, and its slots.
      let parts = graph.pairs(state) == nil ? graph.elements(state)?.prefix(2) ?? [] : [state]
      for part in parts { pairs += graph.pairs(part) ?? [] }
    }
    return pairs.isEmpty ? nil : pairs
  }

  /// The class and the attributes of a pickled module: an object whose state has a module's dictionaries.
  private func moduleState(_ index: PickleGraph.Index) -> (name: String, state: [PickleGraph.Pair])? {
    // Its own dictionaries are among the first attributes that a module sets.
    guard case .object(let object) = graph[index] else { return nil }
    var state = object.state
    if let name = graph.globalName(object.callable), name.hasPrefix("torch.fx.") {
      // A graph module is made by a function of its attributes.
      state = graph.elements(object.arguments)?.first
    }
    guard let state, let pairs = graph.pairs(state),
      pairs.prefix(64).contains(where: { ["_modules", "_parameters"].contains(graph.text($0.key)) })
    else { return nil }
    // The legacy container names the class in a persistent reference, beside its source.
    if case .persistent(let reference) = graph[object.callable] {
      return (graph.elements(reference)?.prefix(8).compactMap { graph.globalName($0) }.first ?? "unknown class", pairs)
    }
    // copyreg's way names the class in the arguments.
    if let name = graph.globalName(object.callable), !name.hasPrefix("copy") { return (name, pairs) }
    let arguments = graph.elements(object.arguments) ?? []
    return (arguments.prefix(8).compactMap { graph.globalName($0) }.first ?? "unknown class", pairs)
  }

  /// What `state_dict()` of a module would list: parameters, buffers that are kept, modules within.
  private func stateDictionary(_ attributes: [PickleGraph.Pair]) -> [(key: String, value: PickleGraph.Index)] {
    func attribute(_ name: String) -> PickleGraph.Index? { attributes.last { graph.text($0.key) == name }?.value }
    func ordered(_ name: String) -> [(key: String, value: PickleGraph.Index)] {
      attribute(name).flatMap { graph.pairs($0) }.map { items($0) } ?? []
    }
    var transient = ExactSet()
    if let index = attribute("_non_persistent_buffers_set") {
      let elements: [PickleGraph.Index]
      switch graph[index] {
      case .set(let set): elements = set
      // Protocol 2 calls `set` with a list.
      case .object(let object):
        elements = (graph.elements(object.arguments)?.first).flatMap { graph.elements($0) } ?? []
      default: elements = []
      }
      transient = ExactSet(elements.compactMap { graph.text($0) })
    }
    return ordered("_parameters") + ordered("_buffers").filter { !transient.contains($0.key) } + ordered("_modules")
  }

  // MARK: The walk

  /// The items of a dictionary: each key in the place of its first setting, with the value of its last. A text and a
  /// number that are written alike are two keys.
  private func items(_ pairs: [PickleGraph.Pair]) -> [(key: String, value: PickleGraph.Index)] {
    var last = ExactDictionary<PickleGraph.Index>()
    var order: [(name: String, key: String)] = []
    for (place, pair) in pairs.enumerated() {
      let name = keyName(pair.key) ?? "key\(place)"
      let key = (graph.text(pair.key) == nil ? "other " : "text ") + name
      if last.updateValue(pair.value, forKey: key) == nil { order.append((name, key)) }
    }
    return order.compactMap { name, key in last[key].map { (name, $0) } }
  }

  /// What a key is called in a path; nil of an object.
  private func keyName(_ index: PickleGraph.Index) -> String? {
    if let name = graph.text(index) ?? graph.integer(index).map(String.init) { return name }
    switch graph[index] {
    case .none: return "None"
    case .real(let number): return "\(number)"
    case .tuple(let parts):
      // Of texts and numbers alone: a key is no tree.
      let names = parts.prefix(16).compactMap { graph.text($0) ?? graph.integer($0).map(String.init) }
      return names.count == parts.count ? names.joined(separator: ".") : nil
    default: return graph.rawBytes(index).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  private mutating func walk(_ index: PickleGraph.Index, name: String, depth: Int) throws(CheckpointFault) {
    try visit(1)
    // Names are made here, and long ones may stand before many.
    try account(for: name.utf8.count, "…")
    if let call = tensorCall(index) {
      let tensor = name.isEmpty ? "tensor" : name
      if name.isEmpty, depth > 0 { note("the tensor without a name is called 'tensor'") }
      do throws(CheckpointFault) {
        entries.append(.init(tensor, try array(call, tensor)))
      } catch .unsupported(_, let what) {
        let subject = "tensor '\(tensor)' "
        let reason = what.hasPrefix(subject) ? String(what.dropFirst(subject.count)) : what
        unreadable.append(.init(path: tensor, reason: reason))
      }
      guard entries.count + unreadable.count <= 1_000_000 else {
        throw .malformed(path: path, part: "the pickle", reason: "lists more than 1,000,000 tensors")
      }
      return
    }
    var inner: [(key: String, value: PickleGraph.Index)]
    if let module = moduleState(index) {
      try visit(module.state.count)
      inner = stateDictionary(module.state)
    } else if let pairs = graph.pairs(index) {
      try visit(pairs.count)
      inner = items(pairs)
    } else if depth == 0 || isScript, let pairs = members(index) {
      // Of an object its attributes; those of objects within are of no network.
      try visit(pairs.count)
      inner = items(pairs)
    } else if let elements = graph.elements(index) {
      inner = elements.enumerated().map { ("\($0.offset)", $0.element) }
    } else {
      if reachesNumbers(index) { note("\(name.isEmpty ? "the root" : name): \(kind(of: index))") }
      return
    }
    guard open.insert(index).inserted else { return }
    defer { open.remove(index) }
    guard depth < Self.depthLimit, name.utf8.count < 4096 else {
      throw .malformed(
        path: path, part: "the pickle", reason: "its containers are nested deeper than \(Self.depthLimit)")
    }
    for (key, value) in inner {
      try walk(value, name: name.isEmpty ? key : "\(name).\(key)", depth: depth + 1)
    }
  }

  /// What holds numbers, and is neither a tensor nor a container of tensors.
  private func kind(of index: PickleGraph.Index) -> String {
    if graph.isNumPyArray(index) { return "a NumPy array of something else than plain numbers, which was not taken" }
    guard let name = className(index) else { return "a set or a storage, whose numbers were not taken" }
    return "an object of class \(name), whose tensors were not taken"
  }

  private mutating func visit(_ count: Int) throws(CheckpointFault) {
    visits += count
    guard visits <= visitLimit else {
      throw .malformed(path: path, part: "the pickle", reason: "its containers refer to one another in a cycle")
    }
  }

  /// Counts bytes that a tensor needs beyond the file's own. A view that repeats elements may be larger than its
  /// storage, and many may share one, but not without bound.
  mutating func account(for size: Int, _ tensor: String) throws(CheckpointFault) {
    let limit = (64 << 20) + 16 * storages.fileSize
    guard size <= limit - gathered else { throw .tooLarge(path: path, tensor: tensor, bytes: size, limit: limit) }
    gathered += size
  }
}
