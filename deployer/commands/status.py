def run(options, ui, root):
    return {}
