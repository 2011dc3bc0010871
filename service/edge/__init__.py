"""ASGI layers around the routes, a file a layer, in the order in which a request meets them.

`http_protocol` bounds the connection, `unread_body` reads what nobody else did, `access_log` observes, `request_id`
bounds and names the request, `drain` refuses work at a stop, `authentication` finds the key. `error_responses` writes
an error before there is a route.
"""
